import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { isModelFile, isModelName } from '../cluster/resolve-model.js'
import { codeFileOf } from '../code-files/code-file.js'
import { isTable } from './is-table.js'

/** A path relative to the working directory, or where there is no such file, to the config. */
export function besideConfig(path: string, configPath: string | undefined): string {
  if (isAbsolute(path) || existsSync(path) || configPath === undefined) return path
  const beside = join(dirname(configPath), path)
  return existsSync(beside) ? beside : path
}

/** Config values with the files found that `[cluster]` and lists of algorithms name. */
export function withFilesLocated(values: unknown, configPath: string): unknown {
  const pathOf = (path: string): string => besideConfig(path, configPath)
  return withAlgorithmsAt(withPathsIn(values, pathOf), pathOf)
}

function withAlgorithmsAt(values: unknown, pathOf: (path: string) => string): unknown {
  if (!isTable(values)) return values
  const located = ['compare', 'sweep'].flatMap((name) => {
    const table = values[name]
    if (!isTable(table) || !Array.isArray(table['algorithms'])) return []
    const algorithms = table['algorithms'].map((spec: unknown) =>
      typeof spec === 'string' ? specAt(spec, pathOf) : spec,
    )
    return [[name, { ...table, algorithms }]]
  })
  return { ...values, ...Object.fromEntries(located) }
}

/** Config values with other paths for the files that `[cluster]` names. */
export function withPathsIn(values: unknown, pathOf: (path: string) => string): unknown {
  if (!isTable(values) || !isTable(values['cluster'])) return values
  const cluster = located(values['cluster'], pathOf)
  const { backends } = cluster
  if (!Array.isArray(backends)) return { ...values, cluster }
  const groups = backends.map((group) => (isTable(group) ? located(group, pathOf) : group))
  return { ...values, cluster: { ...cluster, backends: groups } }
}

function located(
  table: Readonly<Record<string, unknown>>,
  pathOf: (path: string) => string,
): Record<string, unknown> {
  const { model, compute_model: latency, scheduling } = table
  const result = { ...table }
  if (typeof model === 'string') result['model'] = modelAt(model, pathOf)
  if (typeof scheduling === 'string') result['scheduling'] = specAt(scheduling, pathOf)
  if (isTable(latency) && typeof latency['path'] === 'string') {
    result['compute_model'] = { ...latency, path: pathOf(latency['path']) }
  }
  return result
}

/** A model may be given by the folder that its `config.json` is in, as engines take it. */
function modelAt(model: string, pathOf: (path: string) => string): string {
  if (isModelFile(model)) return pathOf(model)
  const folder = pathOf(model)
  const file = join(folder, 'config.json')
  if (model.includes('/') && existsSync(file)) return file
  if (isModelName(model)) return model
  return existsSync(file) ? file : existsSync(folder) ? folder : model
}

/** Specs that can not be read are for the schema to refuse. */
function specAt(spec: string, pathOf: (path: string) => string): string {
  const file = codeFileOf(spec)
  return file === undefined ? spec : spec.replace(file, pathOf(file))
}
