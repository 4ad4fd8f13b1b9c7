import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decide, loads, queues } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { dynamoStandalone } from './dynamo-standalone.js'

const kv = (...usages: readonly number[]) => usages.map((kvUsage) => ({ kvUsage }))

// 2 m / 100 - u - q / max q, for a prompt of 100 tokens.
test.each([
  ['all equal', { states: loads(0, 0) }, 0],
  ['an overlap', { states: loads(0, 0), matched: [0, 16] }, 1],
  ['the larger overlap', { states: loads(0, 0, 0), matched: [16, 64, 32] }, 1],
  ['equal overlaps', { states: loads(0, 0, 0), matched: [0, 32, 32] }, 1],
  ['less KV in use', { states: kv(0.5, 0.25) }, 1],
  ['equal KV use', { states: kv(0.25, 0.25) }, 0],
  ['a shorter queue', { states: queues(4, 2) }, 1],
  ['queues count relative to the longest', { states: queues(8, 4, 2) }, 2],
  ['equal queues', { states: queues(3, 3) }, 0],
  [
    'overlap 0.5 outweighs the longest queue: 1 - 1 = 0, as good as nothing',
    { states: queues(1, 0), matched: [50, 0] },
    0,
  ],
  ['overlap just under it does not', { states: queues(1, 0), matched: [49, 0] }, 1],
  ['overlap 0.25 equals half the KV cache', { states: kv(0.5, 0), matched: [25, 0] }, 0],
  ['and loses to less', { states: kv(0.5, 0), matched: [24, 0] }, 1],
  [
    'both against it: 1.6 - 0.7 - 1 < 0',
    { states: [{ waiting: 5, kvUsage: 0.7 }, {}], matched: [80, 0] },
    1,
  ],
  [
    'still worth it: 1.8 - 0.7 - 1 > 0',
    { states: [{ waiting: 5, kvUsage: 0.7 }, {}], matched: [90, 0] },
    0,
  ],
  ['the holder is down', { states: loads(-1, 0), matched: [90, 0] }, 1],
  ['the holder has no room', { states: [{ waiting: 10 }, {}], matched: [100, 0] }, 1],
  ['all are down', { states: loads(-1) }, 'no_available_backend'],
  ['none', { states: [] }, 'no_available_backend'],
  ['running requests do not count', { states: loads(9, 0) }, 0],
  [
    'no weight for overlap',
    { states: loads(0, 0), matched: [0, 90], parameters: { overlap_weight: 0 } },
    0,
  ],
] as const)('%s', (_, row, expected) => {
  expect(decide(dynamoStandalone, row)).toBe(expected)
})

test('between polls it sees its own requests only, and forgets them at the next', () => {
  const router = dynamoStandalone.create({ ties: 'first' })
  const at = (nowMs: number, ...waiting: number[]) =>
    summary(router.route(testRequest(), testCluster(queues(...waiting), { nowMs })))
  expect(at(0, 0, 0)).toBe(0)
  // The true queues say 1, but 0 is believed to have its own request alone.
  expect(at(50, 0, 9)).toBe(1)
  expect(at(99, 9, 0)).toBe(0)
  expect(at(100, 0, 9)).toBe(0)
})
