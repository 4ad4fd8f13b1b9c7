import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt } from '../test-kit/test-request.js'
import { PrefixBelief } from './prefix-belief.js'

const limits = {
  blockTokens: 1,
  capacityBlocks: 1000,
  ttlMs: Number.POSITIVE_INFINITY,
  countsAfterGaps: false,
}
const prompt = testPrompt([1, 2, 3])
const cluster = (nowMs: number, ...matchedTokens: number[]) =>
  testCluster([{}, {}], { nowMs, matchedTokens })

test.each([
  [48, 48],
  [32, 32],
  [24, 24],
])('of three runs of 16 tokens and a look at %i, what was sent is %i', (maxTokens, expected) => {
  const belief = new PrefixBelief('approximate', { ...limits, maxTokens })
  expect(Array.from(belief.matched(prompt, cluster(0, 9, 9)))).toEqual([0, 0])
  belief.sent(1, 0)
  expect(Array.from(belief.matched(prompt, cluster(0, 9, 9)))).toEqual([0, expected])
})

test('what was sent a moment ago counts where it is more than what is reported, for as long', () => {
  const options = { ...limits, maxTokens: Number.POSITIVE_INFINITY, predictedMs: 100 }
  const belief = new PrefixBelief('exact', options)
  expect(Array.from(belief.matched(prompt, cluster(0, 16, 0)))).toEqual([16, 0])
  belief.sent(1, 0)
  expect(Array.from(belief.matched(prompt, cluster(99, 16, 32)))).toEqual([16, 48])
  expect(Array.from(belief.matched(prompt, cluster(100, 16, 32)))).toEqual([16, 32])
})
