import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { summary } from '../testing/summary.js'
import { boundedLoad, boundedSlots, placeKey } from './bounded-load.js'
import { hashInteger } from './hash.js'
import { HashRing } from './hash-ring.js'
import type { KeyPlacement } from './key-placement.js'

/** The order 0, 1, 2, ... for every key. */
function inOrder(count: number): KeyPlacement {
  let at = 0
  return {
    setMembers() {},
    first() {
      at = 0
      return this.next()
    },
    next: () => (at < count ? at++ : -1),
  }
}

const running = (...counts: readonly number[]) =>
  testCluster(counts.map((count) => ({ running: count })))

test.each([
  // [loads, factor, margin, bound]: (total + 1) / n is the average.
  [[3, 4], 1.25, 0, 5],
  [[0, 0], 1.25, 0, 0.625],
  [[3, 4], 1.25, 10, 14],
  [[99, 100], 1.25, 10, 125],
  [[0, 0, 2], 1, 0, 1],
])('%j with factor %f and margin %i is bounded by %f', (loads, factor, margin, bound) => {
  expect(boundedLoad(running(...loads), { factor, margin })).toBe(bound)
})

test.each([
  // ceil((total + 1) f), then its part of each that is available, rounded up.
  [[1, 0, 0, 0], 1.5, 1],
  [[2, 0, 0, 0], 1.5, 2],
  [[0, 0, 0, 0], 1.5, 1],
  [[9, 9, 9, 9], 1.1, 11],
  [[3, 4], 1.25, 5],
  [[2, 2], 0.1, 1],
])('%j with factor %f has %i whole slots each', (loads, factor, slots) => {
  expect(boundedSlots(running(...loads), factor)).toBe(slots)
})

test('whole slots are of the available backends, for the requests of all', () => {
  const cluster = testCluster([{ running: 1 }, { running: 8, healthy: false }, {}])
  expect(boundedSlots(cluster, 1.5)).toBe(8)
})

test.each([
  ['the home at the bound still takes it', [5, 0, 0], 5, 0],
  ['above it the next does', [6, 0, 0], 5, 1],
  ['and the one after that', [6, 7, 5], 5, 2],
  ['all above it: the home', [6, 7, 8], 5, 0],
  ['no bound', [60, 0, 0], Number.POSITIVE_INFINITY, 0],
])('%s', (_, loads, limit, expected) => {
  expect(summary(placeKey(running(...loads), inOrder(3), 0, limit))).toBe(expected)
})

test('unhealthy backends are passed over, and none at all is a rejection', () => {
  const cluster = testCluster([{ healthy: false }, { running: 9 }, { running: 1 }])
  expect(summary(placeKey(cluster, inOrder(3), 0, 2))).toBe(2)
  expect(summary(placeKey(cluster, inOrder(3), 0, 0))).toBe(1)
  const none = testCluster([{ healthy: false }])
  expect(summary(placeKey(none, inOrder(1), 0, 9))).toBe('no_available_backend')
})

test('a bound of a ratio alone trips on Poisson noise about one time in five, a margin of 10 hardly ever', () => {
  const random = new RandomStream(11, 'test')
  const poisson = (mean: number): number => {
    let count = 0
    for (let t = random.exponential(1); t < mean; t += random.exponential(1)) count++
    return count
  }
  let [overRatio, overMargin, homes] = [0, 0, 0]
  for (let fleet = 0; fleet < 400; fleet++) {
    // What one of many routers counts where every backend has the same load: 10 requests on average.
    const counts = Array.from({ length: 100 }, () => poisson(10))
    const cluster = running(...counts)
    const ratio = boundedLoad(cluster, { factor: 1.25, margin: 0 })
    const margin = boundedLoad(cluster, { factor: 1.25, margin: 10 })
    for (const count of counts) {
      homes++
      if (count > ratio) overRatio++
      if (count > margin) overMargin++
    }
  }
  // For a Poisson variable of mean 10, P(X >= 13) = 0.208 and P(X >= 21) = 0.0016; P(X >= 20) = 0.0035, which
  // counts where the mean of the fleet happens to be below 10.
  expect(overRatio / homes).toBeGreaterThan(0.19)
  expect(overRatio / homes).toBeLessThan(0.23)
  expect(overMargin / homes).toBeLessThan(0.0035)
})

test('kubeai#519: 300 backends and a common prefix: counting the request itself piles it onto its home', () => {
  /** The most requests on one backend after 200, a quarter of which are alike and none of which ends. */
  const most = (own: number): number => {
    const ring = new HashRing(256)
    ring.setMembers(Array.from({ length: 300 }, (_, id) => id))
    const counts = Array.from({ length: 300 }, () => 0)
    for (let i = 0; i < 200; i++) {
      const cluster = running(...counts)
      const limit = boundedLoad(cluster, { factor: 1.25, margin: 0 }) - own
      const chosen = placeKey(cluster, ring, hashInteger(i % 4 === 0 ? 7 : 100 + i), limit)
      if (chosen.kind === 'backend') counts[chosen.id]!++
    }
    return Math.max(...counts)
  }
  // 1.25 x 200 / 300 is below one request: nobody has room for one, so that all fall back to their home.
  expect(most(1)).toBeGreaterThanOrEqual(50)
  // Without it, as since KubeAI's pull request 528, who has none has room.
  expect(most(0)).toBe(1)
})
