import { RouteSimError } from '../errors/routesim-error.js'
import { checkLife } from './failures/check-life.js'
import type { BackendSpec, SimulationOptions } from './simulation-options.js'

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
  if (cluster.backends.length === 0) throw invalid('cluster.backends', 'at least one backend', 0)
  cluster.backends.forEach((backend, i) => {
    const path = `cluster.backends[${i}]`
    checkInteger(`${path}.maxBatchTokens`, backend.maxBatchTokens, 1)
    checkInteger(`${path}.maxNumSeqs`, backend.maxNumSeqs, 1)
    checkInteger(`${path}.maxQueueDepth`, backend.maxQueueDepth, 1)
    checkInteger(`${path}.dp`, backend.dp ?? 1, 1)
    checkNumber(`${path}.kvBytesPerToken`, backend.kvBytesPerToken ?? 0)
    checkInteger(`${path}.kvLayers`, backend.kvLayers ?? 1, 1)
    checkNumber(`${path}.frontEndMs`, backend.frontEndMs ?? 0)
    checkNumber(`${path}.swapMsPerToken`, swapMsPerTokenOf(backend))
    const share = backend.reservedOutputShare ?? 0
    if (!(share >= 0 && share <= 1)) {
      throw invalid(`${path}.reservedOutputShare`, 'a number from 0 to 1', share)
    }
    checkInteger(`${path}.kv.blocks`, backend.kv.blocks, 1)
    checkInteger(`${path}.kv.blockTokens`, backend.kv.blockTokens, 1)
    if (backend.adapters !== undefined) {
      checkInteger(`${path}.adapters.slots`, backend.adapters.slots, 1)
      checkNumber(`${path}.adapters.loadMs`, backend.adapters.loadMs)
    }
    backend.kv.tiers?.forEach((tier, j) => {
      checkInteger(`${path}.kv.tiers[${j}].blocks`, tier.blocks, 1)
      checkNumber(`${path}.kv.tiers[${j}].latencyMs`, tier.latencyMs)
      checkNumber(`${path}.kv.tiers[${j}].msPerBlock`, tier.msPerBlock)
    })
  })
  if (cluster.kvTransfer !== undefined) {
    const {
      latencyMs,
      bandwidthBytesPerSec,
      bytesPerToken,
      overlappedLayers = 1,
    } = cluster.kvTransfer
    checkNumber('cluster.kvTransfer.latencyMs', latencyMs)
    if (!(bandwidthBytesPerSec > 0)) {
      throw invalid('cluster.kvTransfer.bandwidthBytesPerSec', 'a number > 0', bandwidthBytesPerSec)
    }
    checkNumber('cluster.kvTransfer.bytesPerToken', bytesPerToken)
    checkInteger('cluster.kvTransfer.overlappedLayers', overlappedLayers, 1)
  }
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

function checkVisibility({ visibility, router }: SimulationOptions): void {
  const routers = [router].flat().length
  const { replicas, syncMs } = visibility?.routers ?? { replicas: 1, syncMs: 0 }
  checkInteger('visibility.routers.replicas', replicas, 1)
  if (routers !== replicas) throw invalid('router', `${replicas} of them`, routers)
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
      throw invalid('visibility.metrics.intervalMs', 'a number > 0', metrics.intervalMs)
    }
    checkNumber('visibility.metrics.delayMs', metrics.delayMs)
    checkShare('visibility.metrics.dropProbability', metrics.dropProbability)
  }
  if (typeof prefixes !== 'string') {
    checkNumber('visibility.prefixes.delayMs', prefixes.delayMs)
    checkShare('visibility.prefixes.lossProbability', prefixes.lossProbability)
  }
}

function checkShare(path: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalid(path, 'a number from 0 to 1', value)
}

function checkInteger(path: string, value: number, minimum: number): void {
  if (!(Number.isSafeInteger(value) && value >= minimum)) {
    throw invalid(path, `an integer >= ${minimum}`, value)
  }
}

/** Only those who swap must say how long it takes. */
function swapMsPerTokenOf({ preemption, swapMsPerToken }: BackendSpec): number {
  return swapMsPerToken ?? (preemption === 'swap' ? Number.NaN : 0)
}

function checkNumber(path: string, value: number): void {
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw invalid(path, 'a number >= 0', value)
  }
}

function invalid(path: string, expected: string, found: number): RouteSimError {
  return new RouteSimError(`${path}: expected ${expected}, got ${found}`, {
    code: 'options_invalid',
    path,
  })
}
