import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt } from '../test-kit/test-request.js'
import { loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { productionStackPrefixAware } from './production-stack-prefix-aware.js'

// Runs have 16 tokens, so that two of them are a chunk.
decisionTable(
  productionStackPrefixAware,
  `
  backends   | request                    | parameters | draws | choice               | why
  -, -, -    | ids=1,4 prompt=64          |            | 2     | 2                    | nothing is known: any of the three
  -, -, -    | ids=1,4 prompt=64          |            |       | 2                    | one chunk is known, to one
  -, -, -    | ids=1,5 prompt=64          |            | 0     | 0                    | half a chunk is none
  -, -, -    | ids=1,5 prompt=64          |            |       | 0                    | learnt by now
  -, -, -    | ids=1 prompt=16            |            | 1     | 2                    | a prompt known to its end, of 0 and 2
  -, -, -    | ids=1 prompt=20            |            | 1     | 1                    | 16 of 20 are no chunk and not all
  -, -, x    | ids=1,4 prompt=64          |            | 0     | 0                    | its holder is down: the others have no chunk
  -, -, -    | ids=1,4 prompt=64          |            | 1     | 2                    | two hold it: any of them
  r9, -, r9  | ids=1,4 prompt=64          |            | 0     | 0                    | load does not count
  w10, -, -  | ids=1,4 prompt=64          |            |       | 2                    | the other holder is full
  -, -, -    | ids=1,4,13 prompt=64       |            | 0     | 0                    | the third run is new
  -, -, -    | ids=1,4,13 prompt=64       |            | 1     | 2                    | 48 tokens are one chunk, as 32 are
  -, -, -    | ids=1,4,13 prompt=48       |            | 0     | 0                    | but all of the prompt when it ends there
  -, -, -    | ids=1,4,13,40 prompt=64    |            | 1     | 2                    | both have one chunk
  -, -, -    | ids=1,4,13,40 prompt=64    |            |       | 2                    | two chunks against one
  -, -, r50  | ids=1,4,13,40 prompt=70    |            |       | 2                    | and something of its own behind
  x, -, x    | ids=1,4,13,40 prompt=64    |            |       | 1                    | one is left: no draw
  -, -, -    | ids=1,4,13,40 prompt=64    |            | 0     | 1                    | 1 and 2 have all of it
  x, x, x    | ids=1,4 prompt=64          |            |       | no_available_backend | all are down
             | ids=1,4 prompt=64          |            |       | no_available_backend | no backends
  -, -       | ids=2,7 prompt=64          |            | 1     | 1                    | all equal
  -, x, w10  | ids=2,7 prompt=64          |            |       | 0                    | down and full: the one that is left
`,
  'story',
)

test('less than min_match_tokens: the lowest rate, new backends first', () => {
  const router = productionStackPrefixAware.create({ min_match_tokens: 64 })
  const sent = (ids: number[], nowMs: number, promptTokens = 200): number | string => {
    const cluster = testCluster(loads(0, 0, 0), { nowMs })
    const request = testPrompt(ids, { promptTokens })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  // 32 of 64 are known from the second on, then by all.
  expect([0, 1, 2].map((ms) => sent([1, 4], ms))).toEqual([0, 1, 2])
  expect(sent([1, 4], 3)).toBe(0)
  expect(sent([9], 4)).toBe(1)
  // Of 0, 1 and 2 the last has the lowest rate; it alone then has two chunks, which is exactly the least.
  expect(sent([1, 4, 13, 40], 5)).toBe(2)
  for (const ms of [6, 7, 8]) expect(sent([1, 4, 13, 40], ms)).toBe(2)
  // Known to its end, its last chunk counts in full: 48 tokens are 64.
  expect(sent([1, 4, 13], 9, 48)).toBe(2)
  // The requests of the first minute no longer count.
  expect(sent([8], 60_007)).toBe(0)
})

test('nothing is forgotten, unless max_tree_tokens says so', () => {
  const after = (parameters: object): number | string => {
    const router = productionStackPrefixAware.create({ ties: 'first', ...parameters })
    const only = (...counts: number[]) => testCluster(loads(...counts))
    router.route(testPrompt([1, 4]), only(-1, 0))
    for (let i = 0; i < 100; i++) router.route(testPrompt([100 + i]), only(-1, 0))
    return summary(router.route(testPrompt([1, 4]), only(0, 0)))
  }
  expect(after({})).toBe(1)
  expect(after({ max_tree_tokens: 1600 })).toBe(0)
  expect(after({ max_tree_tokens: 1632 })).toBe(1)
})
