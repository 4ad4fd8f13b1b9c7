import { RandomStream } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { summary } from '../testing/summary.js'
import { leastBy, leastOf, mostBy } from './pick.js'

const scores = (...values: readonly number[]) => ({
  cluster: testCluster(values.map(() => ({}))),
  score: (backend: { id: number }): number => values[backend.id]!,
})

describe('leastBy and mostBy', () => {
  test.each([
    { values: [3, 1, 2], least: 1, most: 0 },
    { values: [5], least: 0, most: 0 },
    { values: [2, 1, 1, 2], least: 1, most: 0 },
    { values: [-1, 0, -2], least: 2, most: 1 },
    { values: [Infinity, Infinity], least: 0, most: 0 },
    { values: [-Infinity, 0, Infinity], least: 0, most: 2 },
    { values: [], least: 'no_available_backend', most: 'no_available_backend' },
  ])('of $values, first of ties', ({ values, least, most }) => {
    const { cluster, score } = scores(...values)
    expect(summary(leastBy(cluster, score, 'first'))).toBe(least)
    expect(summary(mostBy(cluster, score, 'first'))).toBe(most)
  })

  test('backends that are not available are not even scored', () => {
    const cluster = testCluster([{ healthy: false }, { waiting: 10 }, {}])
    const scored: number[] = []
    leastBy(cluster, ({ id }) => scored.push(id))
    expect(scored).toEqual([2])
  })

  test('a random tie is uniform over the tied, wherever they stand', () => {
    const random = new RandomStream(7, 'router')
    const values = [2, 1, 3, 1, 1, 2, 1]
    const cluster = testCluster(
      values.map(() => ({})),
      { random },
    )
    const counts = values.map(() => 0)
    const draws = 40_000
    for (let i = 0; i < draws; i++) {
      counts[Number(summary(leastBy(cluster, ({ id }) => values[id]!)))]!++
    }
    const tied = [1, 3, 4, 6].map((id) => counts[id]!)
    const chiSquare = tied.reduce((sum, n) => sum + (n - draws / 4) ** 2 / (draws / 4), 0)
    expect(tied.reduce((sum, n) => sum + n)).toBe(draws)
    // The 99.9th percentile of chi-square with 3 degrees of freedom.
    expect(chiSquare).toBeLessThan(16.27)
  })

  test('no random number is drawn without a tie', () => {
    const random = new RandomStream(1, 'router')
    const cluster = testCluster([{}, {}, {}], { random })
    leastBy(cluster, ({ id }) => id)
    mostBy(cluster, ({ id }) => id)
    leastBy(cluster, () => 0, 'first')
    expect(random.uint32()).toBe(new RandomStream(1, 'router').uint32())
  })

  test('a score of NaN is an error that names the backend', () => {
    const { cluster, score } = scores(1, Number.NaN, 0)
    expect(() => leastBy(cluster, score)).toThrow(
      expect.objectContaining({
        code: 'score_invalid',
        message: 'score of backend 1: expected a number, got NaN',
      }),
    )
    const missing = (backend: object) => (backend as { load: number }).load
    expect(() => mostBy(cluster, missing)).toThrow(
      'score of backend 0: expected a number, got undefined',
    )
  })

  test('costs that are fewer than the backends are an error that names the first without', () => {
    const cluster = testCluster([{}, {}, {}])
    expect(() => leastOf(cluster, [1, 2])).toThrow(
      'score of backend 2: expected a number, got undefined',
    )
  })

  test('a cost of NaN in a column is an error, in a large fleet as well', () => {
    const costs = new Float64Array(30).fill(1)
    costs[17] = Number.NaN
    const cluster = testCluster(Array.from(costs, () => ({})))
    expect(() => leastOf(cluster, costs)).toThrow('score of backend 17: expected a number, got NaN')
    expect(() => leastOf(cluster, costs.slice(0, 17))).toThrow(
      'score of backend 17: expected a number, got undefined',
    )
  })

  test('of costs in a column, the first of the least, or any of them', () => {
    const state = fc.record({ healthy: fc.boolean(), cost: fc.integer({ min: 0, max: 3 }) })
    const states = fc.array(state, { maxLength: 40 })
    fc.assert(
      fc.property(states, (states) => {
        const cluster = testCluster(states.map(({ healthy }) => ({ healthy })))
        const costs = states.map(({ cost }) => cost)
        const least = Math.min(...costs.filter((_, id) => states[id]!.healthy))
        const tied = [...costs.keys()].filter((id) => states[id]!.healthy && costs[id] === least)
        expect(summary(leastOf(cluster, costs, 'first'))).toBe(tied[0] ?? 'no_available_backend')
        const column = Int32Array.from(costs)
        expect(summary(leastOf(cluster, column, 'first'))).toBe(tied[0] ?? 'no_available_backend')
        for (const given of [costs, column])
          expect(tied.length === 0 ? ['no_available_backend'] : tied).toContain(
            summary(leastOf(cluster, given)),
          )
      }),
      { numRuns: 300 },
    )
  })

  test('the choice has the extreme score of all available backends', () => {
    const backend = fc.record({ healthy: fc.boolean(), kvUsage: fc.integer({ min: -3, max: 3 }) })
    fc.assert(
      fc.property(fc.array(backend, { minLength: 1 }), (states) => {
        const cluster = testCluster(states)
        const usages = states.filter(({ healthy }) => healthy).map(({ kvUsage }) => kvUsage)
        const least = leastBy(cluster, ({ kvUsage }) => kvUsage)
        const most = mostBy(cluster, ({ kvUsage }) => kvUsage)
        if (least.kind === 'reject' || most.kind === 'reject') {
          expect(usages).toEqual([])
        } else {
          expect([least.available, most.available]).toEqual([true, true])
          expect(least.kvUsage).toBe(Math.min(...usages))
          expect(most.kvUsage).toBe(Math.max(...usages))
        }
      }),
    )
  })
})
