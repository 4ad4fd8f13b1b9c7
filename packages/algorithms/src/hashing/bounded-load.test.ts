import { expect, test } from 'vitest'
import { summary, testCluster } from '../testing/test-cluster.js'
import { boundedLoad, placeKey } from './bounded-load.js'
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
