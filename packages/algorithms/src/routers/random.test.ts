import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { random } from './random.js'

decisionTable(
  random,
  `
  backends      | draws | choice               | why
  -, -, -       | 0     | 0                    | the first of three
  -, -, -       | 1     | 1                    | the second of three
  -, -, -       | 2     | 2                    | the third of three
  -, -, -, -, - | 4     | 4                    | the last of five
  x, -, -       | 0     | 1                    | the first that is up
  x, -, -       | 1     | 2                    | the second that is up
  -, x, -       | 0     | 0                    | one before the one that is down
  -, x, -       | 1     | 2                    | one behind it
  -, -, x       | 1     | 1                    | the last one is down
  -, x, -, x, - | 2     | 4                    | the third of those that are up
  w10, -, -     | 0     | 1                    | a full queue has no chance
  w9, -, -      | 0     | 0                    | one with room for one has
  w3 d3, -, -   | 0     | 1                    | the depth is each backend's own
  w2 d3, -, -   | 0     | 0                    | and one short of it is enough
  r90, -        | 0     | 0                    | load does not matter
  k1, -         | 0     | 0                    | nor does KV usage
  m96, -        | 1     | 1                    | nor does what is cached
  -             |       | 0                    | one at all: no draw
  x, -, x       |       | 1                    | one that is up: no draw
  w10, r9       |       | 1                    | one that has room: no draw
  x, w10        |       | no_available_backend | down or full
  x, x          |       | no_available_backend | all down
                |       | no_available_backend | no backends
`,
)

test('takes the position that the stream draws, among the available', () => {
  const down = { healthy: false }
  const states = [{}, down, {}, {}, down, {}]
  const ids = [0, 2, 3, 5]
  const stream = new RandomStream(3, 'router')
  const twin = new RandomStream(3, 'router')
  const cluster = testCluster(states, { random: stream })
  const router = random.create()
  for (let i = 0; i < 100; i++) {
    expect(summary(router.route(testRequest(), cluster))).toBe(ids[twin.integer(4)])
  }
})
