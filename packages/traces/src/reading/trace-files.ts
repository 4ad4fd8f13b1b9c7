import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { traceError } from '../errors/trace-error.js'
import { fileOfTrace } from '../public/trace-store.js'
import { isFile, type TraceSource } from './byte-source.js'

/**
 * The files of a trace: one, those of a list, or those of a directory in order of their names; of a public
 * trace, the one that was pulled.
 * @throws RouteSimError `trace_empty` when there is none; `trace_unknown` or `trace_not_pulled`
 */
export async function filesOf(
  source: string | TraceSource | readonly string[],
): Promise<readonly TraceSource[]> {
  if (Array.isArray(source)) {
    if (source.length === 0) {
      throw traceError('trace_empty', 'trace: expected at least one file, got none')
    }
    return source.map((path: string) => ({ path: fileOfTrace(path) }))
  }
  const one = typeof source === 'string' ? { path: fileOfTrace(source) } : (source as TraceSource)
  if (!isFile(one) || one.path === undefined) return [one]
  const info = await stat(one.path).catch(() => undefined)
  if (info?.isDirectory() !== true) return [one]
  const entries = await readdir(one.path, { withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ name }) => join(one.path!, name))
    .sort()
  if (paths.length > 0) return paths.map((path) => ({ path }))
  throw traceError('trace_empty', `${one.path}: expected files in the directory, got none`, {
    path: one.path,
  })
}
