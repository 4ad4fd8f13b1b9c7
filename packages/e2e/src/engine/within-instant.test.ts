// What a hook sees of others that end their steps in its instant: what is over by order of backends and admission.
import type { ClusterView, RequestView, RoutingAlgorithm } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { describe, expect, test } from 'vitest'
import { backend, STEPPERS, seeing, type TinyRequest, tinyRun } from '../testing/tiny-run.js'

/** Every step takes 10 ms. */
const tens = affineLatency({
  baseMs: 10,
  prefillMsPerToken: 0,
  decodeMsPerRequest: 0,
  decodeMsPerContextToken: 0,
})

/** Request i to the backend i modulo their number; writes down what is looked at. */
function looking(look: (request: RequestView, cluster: ClusterView) => number, seen: string[]) {
  const at = (what: string, request: RequestView, cluster: ClusterView): void => {
    seen.push(`${cluster.nowMs} ${what} ${request.id}: ${look(request, cluster)}`)
  }
  const router: RoutingAlgorithm = {
    name: 'looking',
    route(request, cluster) {
      at('route', request, cluster)
      return cluster.backends[request.id % cluster.backends.length]!
    },
    onFinished: (request, _, cluster) => at('finished', request, cluster),
  }
  return router
}

describe.each(STEPPERS)('%s stepper', (stepper) => {
  test('a chunk of a higher backend is there after its step, not when a lower one ends its own', () => {
    const seen: string[] = []
    const long: TinyRequest = { promptTokens: 160, shared: 'a' }
    const shape = { latency: tens, kv: { blocks: 100, blockTokens: 16 } }
    tinyRun({
      requests: [
        { ...long, outputTokens: 3 },
        { ...long, outputTokens: 1 },
        { ...long, arrivalMs: 30, outputTokens: 1 },
      ],
      backends: [backend(shape), backend({ ...shape, maxBatchTokens: 16 })],
      router: looking((request, cluster) => cluster.prefixMatch(request)[1]!, seen),
      stepper,
    })
    expect(seen.slice(2, 4)).toEqual(['30 finished 0: 32', '30 route 2: 48'])
  })

  test('who times out as a step of its prompt ends is out of it, before the next who times out', () => {
    const seen: string[] = []
    const { outcomes } = tinyRun({
      requests: [{ promptTokens: 160 }, { promptTokens: 16 }, { promptTokens: 160, arrivalMs: 15 }],
      backends: [
        backend({
          latency: tens,
          kv: { blocks: 100, blockTokens: 16 },
          maxBatchTokens: 16,
          maxNumSeqs: 1,
        }),
      ],
      router: looking((_, cluster) => cluster.backends[0]!.outstanding, seen),
      timeoutMs: 20,
      stepper,
    })
    expect(seen.filter((each) => each.includes('finished'))).toEqual([
      '20 finished 0: 2',
      '20 finished 1: 1',
      '40 finished 2: 0',
    ])
    // The third begins at once: nothing is left of the step that the first would have gone on with.
    expect(outcomes.admittedMs[2]).toBe(20)
  })

  test('of two answers that are alike, each keeps its block while one admitted before them ends', () => {
    const seen: string[] = []
    const alike: TinyRequest = { promptTokens: 4, outputTokens: 9, shared: 'a', sharedTokens: 12 }
    tinyRun({
      requests: [{ promptTokens: 4, outputTokens: 5 }, alike, alike],
      backends: [backend({ latency: tens, kv: { blocks: 100, blockTokens: 4 } })],
      router: looking((_, cluster) => Math.round(cluster.backends[0]!.kvUsage * 100), seen),
      stepper,
    })
    // One block of the common prompt, and one of each answer, which are one when all steps have ended.
    expect(seen[3]).toBe('50 finished 0: 3')
  })

  test('what comes in one instant comes in the order of its kinds, whatever the last bits of its times', () => {
    const seen: string[] = []
    const tenths = affineLatency({
      baseMs: 0.1,
      prefillMsPerToken: 0,
      decodeMsPerRequest: 0,
      decodeMsPerContextToken: 0,
    })
    tinyRun({
      requests: [{ outputTokens: 8 }],
      backends: [backend({ latency: tenths })],
      router: {
        name: 'listening',
        progressIntervalMs: 0.3,
        route(_, cluster) {
          cluster.timer('a', 0.3)
          cluster.timer('b', 0.6)
          return cluster.backends[0]!
        },
        onMetrics: (_, { nowMs }) => void seen.push(`${nowMs.toFixed(3)} metrics`),
        onProgress: (_, __, tokens, { nowMs }) =>
          void seen.push(`${nowMs.toFixed(3)} ${tokens} tokens`),
        onTimer: (id, { nowMs }) => void seen.push(`${nowMs.toFixed(3)} timer ${id}`),
      },
      visibility: seeing({ metrics: { intervalMs: 0.1, delayMs: 0, dropProbability: 0 } }),
      stepper,
    })
    expect(seen.filter((each) => /^0\.[36]/.test(each))).toEqual([
      '0.300 metrics',
      '0.300 3 tokens',
      '0.300 timer a',
      '0.600 metrics',
      '0.600 6 tokens',
      '0.600 timer b',
    ])
  })
})
