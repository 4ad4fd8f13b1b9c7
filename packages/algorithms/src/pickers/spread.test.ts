import { RandomStream } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { summary } from '../testing/summary.js'
import { normaliseMinMax } from './normalise.js'
import { leastOf } from './pick.js'
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
  // The counter stands at 6 still, whatever was chosen without a tie: the first of three.
  expect([pick(5, 1, 3), pick(5, 3, 1), pick(1, 1, 1)]).toEqual([1, 2, 0])
})

describe('llm-d-router#2709: equals of the highest score, with scores 50, 50, 30, 30, 30 and 10', () => {
  const costs = [-50, -50, -30, -30, -30, -10]
  const cluster = testCluster(
    costs.map(() => ({})),
    { random: new RandomStream(1, 'test') },
  )
  const shares = (pick: () => number | string): number[] => {
    const counts = costs.map(() => 0)
    for (let i = 0; i < 1000; i++) counts[Number(pick())]!++
    return counts
  }

  test('at random each has its share', () => {
    const [a, b, ...others] = shares(() => summary(leastOf(cluster, costs)))
    expect(Math.abs(a! - b!)).toBeLessThan(130)
    expect(others).toEqual([0, 0, 0, 0])
  })

  test('in turn each has exactly its share', () => {
    const rotation = new Rotation()
    expect(shares(() => summary(rotation.leastOf(cluster, costs)))).toEqual([500, 500, 0, 0, 0, 0])
  })

  test('with one counter folded by the size of every group of equals, it stays where it is', () => {
    // The mistake that its review found: groups of 2 and 3 fold the counter by both sizes, one after the other.
    let counter = 0
    const pick = (): number => {
      const first = counter % 2
      for (const size of [2, 3]) counter = (counter + 1) % size
      return first
    }
    expect(shares(pick)).toEqual([1000, 0, 0, 0, 0, 0])
  })

  test('decisions without a tie in between do not take turns away', () => {
    const rotation = new Rotation()
    const alone = [0, ...costs.slice(1).map(() => 1)]
    const counts = shares(() => {
      rotation.leastOf(cluster, alone)
      return summary(rotation.leastOf(cluster, costs))
    })
    expect(counts).toEqual([500, 500, 0, 0, 0, 0])
  })
})

test('min-max normalisation looks only at the backends it is given', () => {
  const out = new Float64Array(4).fill(9)
  normaliseMinMax([4, 100, 8, 5], [0, 2, 3], 1, out)
  expect([...out]).toEqual([0, 9, 1, 0.25])
  normaliseMinMax([3, 3], [0, 1], 0.5, out)
  expect([...out.subarray(0, 2)]).toEqual([0.5, 0.5])
})
