import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { prefixAware } from './prefix-aware.js'

// L = requests / 10. A holder scores w + (1 - w)(1 - L), others (1 - w)(1 - L), w = 0.8 unless given.
decisionTable(
  prefixAware,
  `
  backends               | request    | parameters        | draws | choice               | why
  -, r8 m48              | prefix=48  |                   |       | 1                    | 0.2 against 0.84: the holder, though it has 8 of 10
  -, r9 m48              | prefix=48  |                   |       | 0                    | 0.2 against 0.02: at max_load a prefix stops counting
  -, r9 m48              | prefix=48  | max_load=0.95     |       | 1                    | 0.2 against 0.82: under it, it counts
  -, m48                 | prefix=48  | max_load=0        |       | 0                    | never under it: equals
  r9 m48, r7 m48, r5 m48 | prefix=48  |                   |       | 2                    | 0.02, 0.86 and 0.9: of holders the less loaded
  -, r1 m32              | prefix=48  |                   |       | 0                    | two of three blocks are no prefix
  -, r1 m64              | prefix=48  |                   |       | 1                    | more than the prefix is
  -, r1 m48              | prefix=50  |                   |       | 1                    | the prefix is floored to blocks
  -, r1 m32 b32          | prefix=48  |                   |       | 1                    | to the holder's own blocks
  m15, r1 m15            | prefix=15  |                   |       | 0                    | less than a block can not be held
  -, r1 m96              | prefix=100 |                   |       | 1                    | the last token of a prompt is computed anew
  -, r1 m80              | prefix=100 |                   |       | 0                    | but 96 of the other 99 must be there
  -, r1 m80              | prefix=97 prompt=97 |          |       | 0                    | of 97 tokens all six blocks
  -, r8 m48              | prefix=48  | cache_weight=0.05 |       | 0                    | 0.95 against 0.24: a small weight prefers a short queue
  -, r8 m48              | prefix=48  | cache_weight=1    |       | 1                    | 0 against 1: a full weight prefers the cache
  -, r1                  | prefix=48  | cache_weight=1    |       | 0                    | and without it takes no notice of load
  r1 m48, -              | prefix=48  | cache_weight=0    |       | 1                    | 0.9 against 1: no weight, no cache
  r50, r20               | prefix=48  |                   |       | 0                    | load is 1 at most: equals
  -, r2 m48 d2           | prefix=48  |                   |       | 0                    | load is relative to the backend's own queue
  r2 m48, r1             | prefix=0   |                   |       | 1                    | without a prefix, the fewest requests
  r2, r1                 | prefix=48  |                   |       | 1                    | nobody holds it: the less loaded
  r1 m48, r1 m48, r1 m48 | prefix=48  |                   |       | 0                    | all equal
  r1 m48, r1 m48, r1 m48 | prefix=48  |                   | 2     | 2                    | all equal, at random
  -, -                   | prefix=48  |                   | 1     | 1                    | all idle and empty, at random
  x m48, r9              | prefix=48  |                   |       | 1                    | the holder is down
  w10 m48, r9            | prefix=48  |                   |       | 1                    | the holder is full
  w10 m48, x             | prefix=48  |                   |       | no_available_backend | full and down
                         | prefix=48  |                   |       | no_available_backend | no backends
`,
)

test('a holder that is not available is passed over', () => {
  const router = prefixAware.create()
  const request = testRequest({ prefixTokens: 48 })
  const options = { matchedTokens: [48, 0] }
  expect(summary(router.route(request, testCluster([{ healthy: false }, {}], options)))).toBe(1)
  const full = testCluster([{ waiting: 10 }, { waiting: 10 }], options)
  expect(summary(router.route(request, full))).toBe('no_available_backend')
})
