import type { RoutingAlgorithm } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest, testUsage } from '../test-kit/test-request.js'
import { holdBack } from './hold-back.js'
import { pdPair } from './pd-pair.js'
import { perModel } from './per-model.js'

/** A router whose hooks are async, and fail. */
function late(): RoutingAlgorithm {
  const fail = async (): Promise<never> => {
    throw new Error('late')
  }
  return {
    name: 'late',
    route: (_request, { backends }) => backends[0]!,
    onDispatched: fail,
    onHandedOver: fail,
    onFirstToken: fail,
    onFinished: fail,
    onMetrics: fail,
    onBackendChange: fail,
    onTimer: fail,
    onRunsForgotten: fail,
  }
}

const queue = { length: 0, push: () => undefined, pop: () => undefined, drop() {} }
const options = { name: 'held', pollMs: 1, ttlMs: 1, isFull: () => false, queue }
const around: [string, () => RoutingAlgorithm][] = [
  ['a pair', () => pdPair(late(), late())],
  ['a router per model', () => perModel(late)],
  ['what holds requests back', () => ({ name: 'held', ...holdBack(late(), options) })],
]

test.each(around)(
  '%s gives back the promises of async hooks, so that their errors are heard',
  async (_, create) => {
    const router = create()
    const cluster = testCluster([{}, {}])
    const [backend] = cluster.backends
    const request = testRequest()
    router.route(request, cluster)
    const heard: Record<string, unknown> = {
      onDispatched: router.onDispatched?.(request, backend!, cluster, backend!),
      onHandedOver: router.onHandedOver?.(request, backend!, cluster),
      onFirstToken: router.onFirstToken?.(request, backend!, cluster),
      onFinished: router.onFinished?.(request, backend!, cluster, testUsage()),
      onMetrics: router.onMetrics?.(backend!, cluster),
      onBackendChange: router.onBackendChange?.(backend!, 'unhealthy', cluster),
      onRunsForgotten: router.onRunsForgotten?.([1]),
    }
    for (const [hook, promise] of Object.entries(heard))
      await expect(promise, hook).rejects.toThrow('late')
  },
)
