import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../usage-error.js'
import { checkEnding, JSON_LINES } from './check-ending.js'

/** Options, and arguments, that name files to read. */
const READ = ['config', 'trace', 'input', 'file', 'files', 'measurements']
/** Those that name files to write. */
const WRITTEN = ['output', 'report', 'samples', 'decisions', 'perfetto', 'log']

/** Endings of those whose format does not depend on other options. */
const ENDINGS: Readonly<Record<string, readonly string[]>> = {
  report: ['.html', '.htm'],
  samples: ['.csv', '.json'],
  decisions: JSON_LINES,
  perfetto: ['.json'],
  log: JSON_LINES,
  record: JSON_LINES,
  csv_output: ['.csv'],
  queue_states_output: ['.csv'],
  memory_usage_output: ['.csv'],
  request_states_output: ['.csv'],
}

/**
 * @throws UsageError when a file that is read would be overwritten, or one be written twice, or as something else
 * than its name says
 */
export function checkFiles(values: Readonly<Record<string, unknown>>): void {
  const read = new Map<string, string>()
  for (const name of READ) for (const path of pathsOf(values[name])) read.set(real(path), name)
  const written = new Map<string, string>()
  for (const name of WRITTEN) {
    for (const path of pathsOf(values[name])) {
      if (read.has(real(path)))
        throw new UsageError(`--${name}: ${path} is what is read; name another file`)
      const other = written.get(real(path))
      if (other !== undefined && other !== name)
        throw new UsageError(`--${other} and --${name}: expected two files, got ${path} for both`)
      written.set(real(path), name)
    }
  }
  for (const [name, endings] of Object.entries(ENDINGS)) {
    for (const path of pathsOf(values[name])) checkEnding(name, path, endings)
  }
}

/** A dash is a stream. */
function pathsOf(value: unknown): readonly string[] {
  const paths: readonly unknown[] = Array.isArray(value) ? value : [value]
  return paths.filter((path): path is string => typeof path === 'string' && path !== '-')
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}
