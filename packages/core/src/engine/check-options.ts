import { RouteSimError } from '../errors/routesim-error.js'
import type { RouterSplit } from '../routing/visibility.js'
import { checkCluster } from './check-cluster.js'
import { checkLife } from './failures/check-life.js'
import { checkInteger, checkName, checkNumber, checkShare, invalidOption } from './option-checks.js'
import type { SimulationOptions } from './simulation-options.js'

/** Checks what the types can not say. @throws RouteSimError `options_invalid` */
export function checkOptions(options: SimulationOptions): void {
  const { cluster, router, seed, warmupRequests = 0, maxInFlight } = options
  for (const each of [router].flat()) checkRouter(each)
  checkInteger('seed', seed, 0)
  checkInteger('warmupRequests', warmupRequests, 0)
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
  checkLife(options)
  checkVisibility(options)
  checkCluster(cluster)
  checkForced(options)
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
  checkNumber('visibility.decision.fixedMs', visibility.decision.fixedMs)
  checkNumber('visibility.decision.perTokenMs', visibility.decision.perTokenMs)
  checkNumber('visibility.tokenError', visibility.tokenError)
  checkNumber('visibility.queryMs', visibility.queryMs ?? 0)
  checkNumber('visibility.healthDelayMs', visibility.healthDelayMs ?? 0)
  const { metrics, prefixes } = visibility
  if (typeof metrics !== 'string') {
    if (!(metrics.intervalMs > 0 && metrics.intervalMs < Number.POSITIVE_INFINITY)) {
      throw invalidOption('visibility.metrics.intervalMs', 'a number > 0', metrics.intervalMs)
    }
    checkNumber('visibility.metrics.delayMs', metrics.delayMs)
    checkShare('visibility.metrics.dropProbability', metrics.dropProbability)
  }
  if (typeof prefixes !== 'string') {
    checkNumber('visibility.prefixes.delayMs', prefixes.delayMs)
    checkShare('visibility.prefixes.lossProbability', prefixes.lossProbability)
  }
}
