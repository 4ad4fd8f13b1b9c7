import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { closestName } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { PUBLIC_TRACES, type PublicTrace } from './public-traces.js'

/**
 * The directory of pulled traces: that of `ROUTESIM_TRACES`, else `routesim/traces` in the cache directory
 * of the user.
 *
 * @example
 * traceStore({ XDG_CACHE_HOME: '/cache' }) // => '/cache/routesim/traces'
 */
export function traceStore(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['ROUTESIM_TRACES']
  if (own) return own
  const cache = env['XDG_CACHE_HOME'] || env['LOCALAPPDATA'] || join(homedir(), '.cache')
  return join(cache, 'routesim', 'traces')
}

/** Where a public trace is, or will be, in the store. */
export function pulledPath({ name, url }: PublicTrace, store: string = traceStore()): string {
  return join(store, `${name.replace(':', '-')}-${url.slice(url.lastIndexOf('/') + 1)}`)
}

/** The public trace of a name. @throws RouteSimError `trace_unknown` */
export function findPublicTrace(name: string): PublicTrace {
  const found = PUBLIC_TRACES.find((trace) => trace.name === name)
  if (found !== undefined) return found
  const names = PUBLIC_TRACES.map((trace) => trace.name)
  const suggestion = closestName(name, names)
  throw traceError('trace_unknown', `${name}: expected one of ${names.join(', ')}`, {
    ...(suggestion !== undefined && { hint: `Did you mean "${suggestion}"?` }),
  })
}

/** Whether a path is meant as the name of a public trace: it has its form, and there is no such file. */
export function isPublicName(path: string): boolean {
  return PUBLIC_NAME.test(path) && !existsSync(path)
}

// Two letters at least before the colon: C:trace is a path.
const PUBLIC_NAME = /^[a-z][a-z0-9]+:[a-z0-9][a-z0-9-]*$/

/**
 * The file of a trace that may be given by its public name.
 *
 * @throws RouteSimError `trace_unknown`, or `trace_not_pulled` when it is not in the store
 */
export function fileOfTrace(path: string): string {
  if (!isPublicName(path)) return path
  const file = pulledPath(findPublicTrace(path))
  if (existsSync(file)) return file
  throw traceError('trace_not_pulled', `${path}: expected it in ${traceStore()}, found nothing`, {
    hint: `Download it first: routesim trace pull ${path}`,
    path,
  })
}
