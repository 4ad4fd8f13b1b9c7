// vllm-project/router#238: one stuck backend makes the whole fleet look out of balance.
import { findRouter } from '@routesim/algorithms'
import type { RoutingAlgorithm } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { backend, tinyRun } from '../testing/tiny-run.js'

const BACKENDS = [0, 1, 2, 3]
const STUCK = 80
const PREFIXES = 60

/** Share of prompt tokens found in caches, where some backend may have long requests that do not end. */
function hitRate(inner: RoutingAlgorithm, stuck: number): number {
  const router: RoutingAlgorithm = {
    name: inner.name,
    route: (request, cluster) =>
      request.id < stuck ? cluster.backends[0]! : inner.route(request, cluster),
  }
  const endless = Array.from({ length: stuck }, () => ({ outputTokens: 100_000, promptTokens: 16 }))
  const requests = Array.from({ length: 5 * PREFIXES }, (_, i) => ({
    arrivalMs: 1000 + 500 * i,
    promptTokens: 500,
    shared: `prefix ${i % PREFIXES}`,
    sharedTokens: 480,
  }))
  const { outcomes } = tinyRun({
    stepper: 'fast',
    requests: [...endless, ...requests],
    backends: BACKENDS.map(() => backend({ kv: { blocks: 600_000, blockTokens: 16 } })),
    router,
  })
  const cached = outcomes.cachedTokens.subarray(stuck)
  return cached.reduce((sum, tokens) => sum + tokens, 0) / (480 * cached.length)
}

const classic = () => findRouter('sglang_cache_aware').create({ ties: 'random' })
const gatedByRequest = () =>
  findRouter('sglang_cache_aware').create({ preset: 'smg', ties: 'random' })

describe('five requests for each of 60 prefixes, one after another, on four backends', () => {
  test('without a stuck backend four of five hit, whichever the gate', () => {
    expect(hitRate(classic(), 0)).toBeCloseTo(0.8, 9)
    expect(hitRate(gatedByRequest(), 0)).toBeCloseTo(0.8, 9)
  })

  test('with one, a gate for the fleet drops affinity for all of them', () => {
    expect(hitRate(classic(), STUCK)).toBeLessThan(0.6)
  })

  test('a gate for the request keeps it', () => {
    expect(hitRate(gatedByRequest(), STUCK)).toBeCloseTo(0.8, 9)
  })
})
