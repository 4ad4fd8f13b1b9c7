import { decisionTable } from '../testing/decision-table.js'
import { leastKv } from './least-kv.js'

decisionTable(
  leastKv,
  `
  backends         | draws | choice               | why
  k0.5, k0.2, k0.9 |       | 1                    | the lowest share
  k0.9, k0.5, k0.2 |       | 2                    | the lowest share, last
  k0.200001, k0.2  |       | 1                    | a little lower
  k0.999, k1       |       | 0                    | nearly full
  k0.3, k0.2 r99   |       | 1                    | requests do not count
  k0, k0 o9        |       | 0                    | nor do its own
  k0.1 p9000, k0.2 |       | 0                    | nor do prompt tokens
  k0.5 m96, k0.4   |       | 1                    | nor does what is cached
  -, -, -          |       | 0                    | all empty: the lowest id
  k1, k0, k0       |       | 1                    | a tie of two: the lowest id
  k1, k1           |       | 0                    | all full of KV: still the lowest id
  k0.5, k0.5       | 0     | 0                    | a random tie: the first
  k0.5, k0.5       | 1     | 1                    | a random tie: the second
  -, -, -          | 2     | 2                    | a random tie of three: the last
  k0.2, x, k0.2    | 1     | 2                    | a random tie without the one that is down
  k0.2, k0.5, k0.2 | 1     | 2                    | a random tie without the dearer one
  k0.1 w9, k0.2    |       | 0                    | a queue of 9 of 10 has room
  k0.1 w10, k0.2   |       | 1                    | one of 10 has none
  k0.1 w3 d3, k0.2 |       | 1                    | nor has one of 3 of 3
  x, k0.9, k0.8    |       | 2                    | the lowest is down
  w10, k1          |       | 1                    | whatever has room
  x, x             |       | no_available_backend | all down
  x, w10           |       | no_available_backend | down or full
                   |       | no_available_backend | no backends
`,
)
