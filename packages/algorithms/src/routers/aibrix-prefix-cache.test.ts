import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt } from '../test-kit/test-request.js'
import { decide, loads } from '../testing/decide.js'
import { summary } from '../testing/summary.js'
import { aibrixPrefixCache } from './aibrix-prefix-cache.js'

const code = { imbalance: 8, deviations: 1 }
const EIGHT = [2, 4, 4, 4, 5, 5, 7, 9]

// Imbalance 16 and 2 deviations; with `code` 8 and 1.
test.each([
  ['all equal', { states: loads(0, 0) }, 0],
  ['no match: the fewest requests', { states: loads(3, 2) }, 1],
  ['a match', { states: loads(0, 0), matched: [0, 16] }, 1],
  ['the larger match', { states: loads(0, 0, 0), matched: [16, 48, 32] }, 1],
  ['equal matches: the fewest requests', { states: loads(0, 5, 4), matched: [0, 48, 48] }, 2],
  ['equal matches and requests', { states: loads(0, 4, 4), matched: [0, 48, 48] }, 1],
  ['a match within two deviations', { states: loads(0, 10), matched: [0, 16] }, 1],
  // 16 against 0: not above the imbalance. Mean 8, deviation 11.3.
  ['a difference of 16 is no imbalance', { states: loads(0, 16), matched: [0, 16] }, 1],
  ['a difference of 17 is', { states: loads(0, 17), matched: [0, 16] }, 0],
  [
    'out of balance, the match among the least loaded',
    { states: loads(0, 17, 0), matched: [0, 96, 16] },
    2,
  ],
  ['out of balance without a match there', { states: loads(1, 20, 1), matched: [0, 96, 0] }, 0],
  // Mean 2, deviation 4: 8 stays within 1 deviation of 10 (mean 2 + 4 = 6 < 8).
  [
    'above mean + deviation',
    { states: loads(0, 0, 0, 8), matched: [0, 0, 0, 16], parameters: code },
    0,
  ],
  [
    'wherever it stands',
    { states: loads(8, 0, 0, 0), matched: [16, 0, 0, 0], parameters: code },
    1,
  ],
  // Mean 5, squares of distances 32 over 7: 5 + 2.14 = 7.14.
  [
    'seven are within it',
    { states: loads(...EIGHT), matched: [0, 0, 0, 0, 0, 0, 16, 0], parameters: code },
    6,
  ],
  [
    'nine are not',
    { states: loads(...EIGHT), matched: [0, 0, 0, 0, 0, 0, 0, 16], parameters: code },
    0,
  ],
  [
    'and then the next best match',
    { states: loads(0, 0, 0, 8), matched: [0, 16, 0, 32], parameters: code },
    1,
  ],
  // Mean 4, deviation 5.66: 8 <= 9.66.
  ['within it', { states: loads(0, 8), matched: [0, 16], parameters: code }, 1],
  [
    'a difference of 8 is no imbalance for the code',
    { states: loads(0, 8), matched: [0, 16], parameters: code },
    1,
  ],
  ['one of 9 is', { states: loads(0, 9), matched: [0, 16], parameters: code }, 0],
  // Of 6 whole blocks of 16 tokens: 1 is 16 percent, less than one none.
  ['less than a block is no match', { states: loads(0, 1), matched: [0, 15] }, 0],
  // Of 250 blocks, 4 and 5 are 1.6 and 2 percent, 3 and 4 are 1.2 and 1.6.
  [
    'more whole percent before fewer requests',
    { states: loads(0, 1), matched: [64, 80], request: { promptTokens: 4000 } },
    1,
  ],
  [
    'equal whole percent: the fewest requests',
    { states: loads(0, 1), matched: [48, 64], request: { promptTokens: 4000 } },
    0,
  ],
  [
    'a match of less than a percent is one',
    { states: loads(0, 1), matched: [0, 16], request: { promptTokens: 4000 } },
    1,
  ],
  // Mean 5: 12 is not above 2 x (5 + 1). Deviation 6.06, so within one.
  [
    'a difference of 12 is no imbalance at 2 x (mean + 1)',
    {
      states: loads(0, 3, 12),
      matched: [0, 0, 16],
      parameters: { imbalance: 7, imbalance_factor: 2, deviations: 2 },
    },
    2,
  ],
  // Mean 5, and 13 is above 12.
  [
    'a difference of 13 is',
    {
      states: loads(0, 2, 13),
      matched: [0, 0, 16],
      parameters: { imbalance: 7, imbalance_factor: 2, deviations: 2 },
    },
    0,
  ],
  // Mean 7 / 8: 7 is above 3.75, but no 8 above 0.
  [
    'a difference of 7 is none',
    {
      states: loads(0, 0, 0, 0, 0, 0, 0, 7),
      matched: [0, 0, 0, 0, 0, 0, 0, 16],
      parameters: { imbalance: 7, imbalance_factor: 2, deviations: 3 },
    },
    7,
  ],
  ['the holder is down', { states: loads(0, -1, 0), matched: [0, 96, 16] }, 2],
  [
    'one that is down does not make an imbalance',
    { states: [{}, { healthy: false, running: 90 }, { running: 9 }], matched: [0, 0, 16] },
    2,
  ],
  ['a single backend', { states: loads(50), matched: [16] }, 0],
  ['all are down', { states: loads(-1, -1), matched: [16, 16] }, 'no_available_backend'],
  ['none', { states: [] }, 'no_available_backend'],
] as const)('%s', (_, row, expected) => {
  expect(decide(aibrixPrefixCache, row)).toBe(expected)
})

test('the approximate index remembers what was sent for 20 minutes', () => {
  const router = aibrixPrefixCache.create({ preset: 'shipped', ties: 'first' })
  const at = (nowMs: number, ...counts: number[]) => testCluster(loads(...counts), { nowMs })
  expect(summary(router.route(testPrompt([1, 4, 13]), at(0, 9, 0)))).toBe(1)
  expect(summary(router.route(testPrompt([1, 4, 14]), at(1_199_999, 0, 9)))).toBe(1)
  expect(summary(router.route(testPrompt([1, 4, 13]), at(2_400_000, 0, 9)))).toBe(0)
})

test.each([
  // Blocks of 32 tokens as shipped, of one in the code.
  ['shipped', 31, 0],
  ['shipped', 32, 1],
  ['shipped', 63, 1],
  ['code', 1, 1],
])('with the settings of %s a common beginning of %i tokens leads to %i', (preset, tokens, to) => {
  const router = aibrixPrefixCache.create({ preset, ties: 'first' })
  const prompt = testPrompt([1], { promptTokens: 500 }, tokens)
  expect(summary(router.route(prompt, testCluster(loads(1, 0))))).toBe(1)
  expect(summary(router.route(prompt, testCluster(loads(0, 1))))).toBe(to)
})
