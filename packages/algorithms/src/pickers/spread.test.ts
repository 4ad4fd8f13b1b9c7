import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { summary, testCluster } from '../testing/test-cluster.js'
import { normaliseMinMax } from './normalise.js'
import { Rotation } from './rotation.js'
import { softmaxOf } from './softmax.js'

const three = testCluster([{}, {}, {}], { random: new RandomStream(7, 'test') })

function shares(costs: readonly number[], temperature: number, cluster = three): number[] {
  const counts = costs.map(() => 0)
  const draws = 60_000
  for (let i = 0; i < draws; i++) {
    const chosen = softmaxOf(cluster, costs, temperature)
    if (chosen.kind === 'backend') counts[chosen.id]!++
  }
  return counts.map((count) => count / draws)
}

test('softmax of 18, 10 and 11 at temperature 0.5 is 0.0707, 0.5224 and 0.4069', () => {
  const [a, b, c] = shares([18, 10, 11], 0.5) as [number, number, number]
  expect(a).toBeCloseTo(0.0707, 2)
  expect(b).toBeCloseTo(0.5224, 2)
  expect(c).toBeCloseTo(0.4069, 2)
})

test('softmax takes no notice of scale, and all equal have equal chances', () => {
  const [a] = shares([18e6, 10e6, 11e6], 0.5) as [number]
  expect(a).toBeCloseTo(0.0707, 2)
  for (const share of shares([4, 4, 4], 0.5)) expect(share).toBeCloseTo(1 / 3, 2)
})

test('softmax passes over unhealthy backends, whose costs do not set the range', () => {
  const cluster = testCluster([{ healthy: false }, {}, {}], { random: new RandomStream(3, 'test') })
  const [dead, best, worst] = shares([-1000, 1, 2], 1, cluster) as [number, number, number]
  expect(dead).toBe(0)
  expect(worst / best).toBeCloseTo(Math.exp(-1), 1)
  expect(summary(softmaxOf(cluster, [0, 3, 2], 0))).toBe(2)
  expect(summary(softmaxOf(testCluster([]), [], 1))).toBe('no_available_backend')
})

test('equals are taken in turn by one counter', () => {
  const rotation = new Rotation()
  const pick = (...costs: readonly number[]) => summary(rotation.leastOf(three, costs))
  expect([pick(1, 1, 1), pick(1, 1, 1), pick(1, 1, 1), pick(1, 1, 1)]).toEqual([0, 1, 2, 0])
  // The counter stands at 4: of two equals the first, then the second.
  expect([pick(5, 1, 1), pick(5, 1, 1)]).toEqual([1, 2])
  expect(summary(rotation.leastOf(testCluster([{ healthy: false }]), [1]))).toBe(
    'no_available_backend',
  )
})

test('min-max normalisation looks only at the backends it is given', () => {
  const out = new Float64Array(4).fill(9)
  normaliseMinMax([4, 100, 8, 5], [0, 2, 3], 1, out)
  expect([...out]).toEqual([0, 9, 1, 0.25])
  normaliseMinMax([3, 3], [0, 1], 0.5, out)
  expect([...out.subarray(0, 2)]).toEqual([0.5, 0.5])
})
