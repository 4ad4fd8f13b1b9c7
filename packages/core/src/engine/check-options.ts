import { RouteSimError } from '../errors/routesim-error.js'
import { type RouterSplit, tellsKvEvents } from '../routing/visibility.js'
import { checkCluster } from './check-cluster.js'
import { checkLife } from './failures/check-life.js'
import {
  checkGiven,
  checkInteger,
  checkName,
  checkNumber,
  checkShare,
  invalidOption,
} from './option-checks.js'
import type { SimulationOptions } from './simulation-options.js'

/** Checks what the types can not say. @throws RouteSimError `options_invalid` */
export function checkOptions(options: SimulationOptions): void {
  checkGiven('options', options, 'an object of cluster, requests, router and seed')
  const { cluster, router, seed, warmupRequests = 0, maxInFlight } = options
  checkRequests(options.requests)
  for (const each of [router].flat()) checkRouter(each)
  checkInteger('seed', seed, 0)
  checkInteger('warmupRequests', warmupRequests, 0)
  if (options.windowStarts !== undefined) checkWindows(options)
  if (maxInFlight !== undefined) {
    checkInteger('maxInFlight', maxInFlight, 1)
    if ('next' in options.requests) {
      throw new RouteSimError('maxInFlight: expected a table of requests, got a source', {
        code: 'options_invalid',
        path: 'maxInFlight',
        hint: 'A client that holds requests back needs all of them: give a RequestTable.',
      })
    }
  }
  checkCluster(cluster)
  checkLife(options)
  checkVisibility(options)
  checkForced(options)
}

function checkWindows({
  windowStarts = [],
  warmupRequests = 0,
  requests,
}: SimulationOptions): void {
  if ('next' in requests) {
    throw invalidOption('windowStarts', 'a table of requests', 'a source')
  }
  let above = warmupRequests
  for (const [i, row] of windowStarts.entries()) {
    checkInteger(`windowStarts[${i}]`, row, above + 1, requests.size - 1)
    above = row
  }
}

function checkRequests(requests: unknown): void {
  const hint = 'Build a table with RequestTableBuilder, or read one with @routesim/traces.'
  checkGiven('requests', requests, 'a table of requests, or a source', [], hint)
  const { size } = requests as SimulationOptions['requests']
  if (Number.isInteger(size)) return
  const found = Array.isArray(requests) ? 'an array' : 'an object without size'
  throw new RouteSimError(`requests: expected a table of requests, or a source, got ${found}`, {
    ...{ code: 'options_invalid', path: 'requests', hint },
  })
}

/** A decision that is forced is not the router's mistake. */
function checkForced({ forcedDecision, cluster }: SimulationOptions): void {
  if (forcedDecision === undefined) return
  const last = cluster.backends.length - 1
  checkInteger('forcedDecision.backend', forcedDecision.backend, 0, last)
  checkInteger('forcedDecision.decode', forcedDecision.decode, -1, last)
}

/** Routers come from users' files too, where no compiler has looked. */
function checkRouter(router: unknown): void {
  if (isObject(router) && typeof router.route === 'function') return
  const isDefinition = isObject(router) && typeof router.create === 'function'
  const found = isDefinition
    ? 'the definition of one'
    : isObject(router)
      ? 'an object without it'
      : router
  throw new RouteSimError(`router: expected an object with a route function, got ${found}`, {
    code: 'options_invalid',
    path: 'router',
    hint: isDefinition
      ? 'Give what its create() returns.'
      : 'route(request, cluster) returns a backend of the cluster.',
  })
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

const SPLITS: Readonly<Record<RouterSplit, true>> = {
  random: true,
  round_robin: true,
  session: true,
}
const alone = { replicas: 1, syncMs: 0, split: 'random' } as const

function checkVisibility({ visibility, router }: SimulationOptions): void {
  const routers = [router].flat().length
  const { replicas, syncMs, split } = visibility?.routers ?? alone
  checkInteger('visibility.routers.replicas', replicas, 1)
  if (routers !== replicas) throw invalidOption('router', `${replicas} of them`, routers)
  checkName('visibility.routers.split', split, SPLITS)
  if (visibility === undefined) return
  checkNumber('visibility.routers.syncMs', syncMs)
  checkGiven('visibility.decision', visibility.decision, 'an object of fixedMs and perTokenMs')
  checkNumber('visibility.decision.fixedMs', visibility.decision.fixedMs)
  checkNumber('visibility.decision.perTokenMs', visibility.decision.perTokenMs)
  checkNumber('visibility.tokenError', visibility.tokenError)
  checkNumber('visibility.queryMs', visibility.queryMs ?? 0)
  checkNumber('visibility.healthDelayMs', visibility.healthDelayMs ?? 0)
  const { metrics, prefixes } = visibility
  if (typeof metrics !== 'string') {
    checkGiven('visibility.metrics', metrics, '"live", or an object of how late they are')
    if (!(metrics.intervalMs > 0 && metrics.intervalMs < Number.POSITIVE_INFINITY)) {
      throw invalidOption('visibility.metrics.intervalMs', 'a number > 0', metrics.intervalMs)
    }
    checkNumber('visibility.metrics.delayMs', metrics.delayMs)
    checkShare('visibility.metrics.dropProbability', metrics.dropProbability)
  }
  if (typeof prefixes !== 'string') {
    checkGiven('visibility.prefixes', prefixes, '"live", or an object of how late they are')
    if (tellsKvEvents(prefixes)) {
      checkNumber('visibility.prefixes.delayMs', prefixes.delayMs)
      checkShare('visibility.prefixes.lossProbability', prefixes.lossProbability)
    } else if (!(prefixes.ttlMs > 0)) {
      throw invalidOption('visibility.prefixes.ttlMs', 'a number > 0', prefixes.ttlMs)
    }
  }
}
