import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isCodeFile } from '../code-files/code-file.js'
import { codeText } from '../code-files/code-text.js'
import { mapDistributions } from '../workload/to-workload.js'
import { besideConfig, withPathsIn } from './locate-files.js'
import type { Config } from './schema.js'

/** A file that a config names. */
export interface ConfigFile {
  /** As it stands in the config. */
  readonly path: string
  readonly absolute: string
  /** SHA-256 of its content, of code with what it imports; empty when it can not be read. */
  readonly hash: string
}

/**
 * The files that a config names, but for its trace: models, tables of step times, numbers of a workload.
 *
 * @param configPath - where the config came from: numbers may be relative to it
 */
export function configFiles(config: Config, configPath: string | undefined): ConfigFile[] {
  const paths = new Set<string>()
  withFilePaths(config, (path) => {
    paths.add(path)
    return path
  })
  return [...paths].sort().map((path) => {
    const absolute = resolve(besideConfig(path, configPath))
    return { path, absolute, hash: fileHash(absolute) }
  })
}

/** The config with other paths for the files that it names, but for its trace. */
export function withFilePaths(config: Config, pathOf: (path: string) => string): Config {
  const workload = mapDistributions(config.workload, ({ path, ...rest }) => ({
    ...rest,
    path: pathOf(path as string),
  }))
  return { ...(withPathsIn(config, pathOf) as Config), workload }
}

/** SHA-256 of a file, of code with what it imports; empty for one that can not be read. */
export function fileHash(path: string): string {
  try {
    const content = isCodeFile(path) ? codeText(path) : readFileSync(path)
    return createHash('sha256').update(content).digest('hex')
  } catch {
    return ''
  }
}
