import { RouteSimError } from '../errors/routesim-error.js'
import type { SimulationOptions } from './simulation-options.js'

/** Checks what the types can not say. @throws RouteSimError `options_invalid` */
export function checkOptions(options: SimulationOptions): void {
  const { cluster, seed, warmupRequests = 0, maxInFlight } = options
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
  if (cluster.backends.length === 0) throw invalid('cluster.backends', 'at least one backend', 0)
  cluster.backends.forEach((backend, i) => {
    const path = `cluster.backends[${i}]`
    checkInteger(`${path}.maxBatchTokens`, backend.maxBatchTokens, 1)
    checkInteger(`${path}.maxNumSeqs`, backend.maxNumSeqs, 1)
    checkInteger(`${path}.maxQueueDepth`, backend.maxQueueDepth, 1)
    checkInteger(`${path}.kv.blocks`, backend.kv.blocks, 1)
    checkInteger(`${path}.kv.blockTokens`, backend.kv.blockTokens, 1)
  })
  if (cluster.kvTransfer !== undefined) {
    const { latencyMs, bandwidthBytesPerSec, bytesPerToken } = cluster.kvTransfer
    if (!(latencyMs >= 0)) throw invalid('cluster.kvTransfer.latencyMs', 'a number >= 0', latencyMs)
    if (!(bandwidthBytesPerSec > 0)) {
      throw invalid('cluster.kvTransfer.bandwidthBytesPerSec', 'a number > 0', bandwidthBytesPerSec)
    }
    if (!(bytesPerToken >= 0)) {
      throw invalid('cluster.kvTransfer.bytesPerToken', 'a number >= 0', bytesPerToken)
    }
  }
}

function checkInteger(path: string, value: number, minimum: number): void {
  if (!(Number.isSafeInteger(value) && value >= minimum)) {
    throw invalid(path, `an integer >= ${minimum}`, value)
  }
}

function invalid(path: string, expected: string, found: number): RouteSimError {
  return new RouteSimError(`${path}: expected ${expected}, got ${found}`, {
    code: 'options_invalid',
    path,
  })
}
