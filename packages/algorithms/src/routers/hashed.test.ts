import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest } from '../test-kit/test-request.js'
import { decide, loads } from '../testing/decide.js'
import { decisionTable } from '../testing/decision-table.js'
import { summary } from '../testing/summary.js'
import { chwblPrefix } from './chwbl-prefix.js'
import { sessionHash } from './session-hash.js'

// Where a session goes first, second and so on among four backends is a fact of the hash: on the ring a is at
// 3, 0, 2, 1 and b at 1, 3, 2, 0; by rendezvous a is at 3, 1, 2, 0, by Maglev at 2, 3, 0, 1. The rest follows.
decisionTable(
  sessionHash,
  `
  backends         | request          | parameters              | draws | choice               | why
  -, -, -, -       | session=a        |                         |       | 3                    | home
  -, -, -, -       | session=b        |                         |       | 1                    | the home of another
  r9, r9, r9, r999 | session=a        |                         |       | 3                    | load does not matter without a bound
  -, -, -, x       | session=a        |                         |       | 0                    | home is down: the second
  x, -, -, x       | session=a        |                         |       | 2                    | so is the second: the third
  x, -, x, x       | session=a        |                         |       | 1                    | so is the third: the last
  x, x, x, x       | session=a        |                         |       | no_available_backend | all down
                   | session=a        |                         |       | no_available_backend | no backends
  -, -, -, w10     | session=a        |                         |       | 0                    | home is full: the second
  -, x, -, -       | session=b        |                         |       | 3                    | the second of another
  -, -, -          | session=a        |                         |       | 0                    | home is gone: the next clockwise
  -, -, -, -       | user=a           |                         |       | 3                    | a user stands in for a session
  -, -, -, -       | session=b user=a |                         |       | 1                    | a session goes before a user
  -, -, -, r6      | session=a        | load_factor=1.5         |       | 0                    | 6 is above 1.5 x 7 / 4
  -, -, -, r1      | session=a        | load_factor=1.5         |       | 0                    | 1 is above 1.5 x 2 / 4
  r1, r1, r1, r1   | session=a        | load_factor=1.5         |       | 3                    | 1 is not above 1.5 x 5 / 4
  -, -, -, r1      | session=a        | load_factor=2           |       | 3                    | 1 is at 2 x 2 / 4
  r1, -, -, r3     | session=a        | load_factor=2           |       | 0                    | 3 is above 2 x 5 / 4
  r3, -, -, r3     | session=a        | load_factor=1           |       | 2                    | 3 and 3 are above 7 / 4: the third
  r1, r1, r1, r1   | session=a        | load_factor=0.1         |       | 3                    | all above: home
  -, -, -, -       | session=a        | hash=rendezvous         |       | 3                    | home by rendezvous
  -, -, -, x       | session=a        | hash=rendezvous         |       | 1                    | the second by rendezvous
  -, -, -, -       | session=a        | hash=maglev             |       | 2                    | home by Maglev
  -, -, x, -       | session=a        | hash=maglev             |       | 3                    | the second by Maglev
  r3, r1, r2, r2   |                  |                         |       | 1                    | no key: the fewest requests
  r1, r1, r1, r1   |                  |                         |       | 0                    | no key, all equal
  r3, r1, r2, r2   |                  | without_key=lowest_rate |       | 0                    | no key: never used goes first
  -, -, -, -       |                  | without_key=random      | 2     | 2                    | no key: anywhere
  x, x, x, x       |                  |                         |       | no_available_backend | no key and nobody
`,
)

// With 25 tokens the second run of 16 is the key: run 4 is at 3, 1, 2, 0, run 5 at 3, 0, 1, 2, run 7 at 1, 2, 3, 0 and
// run 8 at 2, 0, 1, 3; of runs alone, 1 is at 0, 3, 1, 2. Shuffled, run 4 goes
// on from 3 to 0, 2, 1; with 150 points runs 5 and 12 are at 0, and go on to 1 and 3. The bound is 1.25 (total + 1) / 4.
decisionTable(
  chwblPrefix,
  `
  backends       | request    | parameters       | choice               | why
  -, -, -, -     | ids=1,4    |                  | 3                    | home
  -, -, -, -     | ids=1,4,99 |                  | 3                    | what follows does not matter
  -, -, -, -     | ids=1,5    |                  | 3                    | another with the same home
  -, -, -, -     | ids=1,7    |                  | 1                    | another
  -, -, -, -     | ids=1,8    |                  | 2                    | and another
  -, -, -, -     | ids=1      |                  | 0                    | a shorter prompt: its end
  -, -, -, -     | ids=1,4    | prefix_tokens=16 | 0                    | a shorter key: the first run
  -, -, -, -     | ids=1,4,7  | prefix_tokens=64 | 1                    | a longer key: all there is
  -, -, -, -     | prompt=100 |                  | 2                    | nothing shared: a key of its own
  -, -, -, r1    | ids=1,4    |                  | 1                    | 1 is above 0.625: the second
  -, -, -, r1    | ids=1,5    |                  | 0                    | whose second is another
  r1, r1, r1, r1 | ids=1,4    |                  | 3                    | 1 is not above 1.56
  r1, r1, r1, r2 | ids=1,4    |                  | 1                    | 2 is above 1.87
  -, r3, r1, r4  | ids=1,4    |                  | 2                    | 4 and 3 are above 2.8: the third
  r5, r2, r3, r5 | ids=1,4    |                  | 3                    | 5 is at 5
  r4, r2, r3, r6 | ids=1,4    |                  | 1                    | 6 is above 5
  -, -, -, r13   | ids=1,4    | load_margin=10   | 3                    | 13 is under 3.5 + 10
  -, -, -, r14   | ids=1,4    | load_margin=10   | 1                    | 14 is above 3.75 + 10
  -, -, -, r1    | ids=1,4    | load_factor=0    | 1                    | a bound of 0
  r1, r1, r1, r1 | ids=1,4    | load_factor=0    | 3                    | all above: home
  r3, r2, r1, r6 | ids=1,4    | overflow=least   | 2                    | 6 is above 4.06: the fewest requests
  r3, r1, r1, r6 | ids=1,4    | overflow=least   | 1                    | the first of equals along the ring
  r1, r1, r1, r1 | ids=1,4    | overflow=least   | 3                    | not above it: home
  r1, r1, r1, r1 | ids=1,4    | overflow=least load_factor=0 | 3        | all above: home
  x, r2, r9, r9  | ids=1,4    | overflow=least   | 1                    | the idle one is down: the fewest of the others
  r9, r9, r9, r3 | ids=1,4    | max_requests=4   | 3                    | 3 of 4: room for one, whatever the others have
  r9, r1, r9, r4 | ids=1,4    | max_requests=4   | 1                    | 4 of 4
  r9, r4, r3, r4 | ids=1,4    | max_requests=4   | 2                    | and so is the second
  r9, r9, r8, r16 | ids=1,4   | preset=sagemaker | 2                    | 16 of 16: the fewest requests
  r99, r9, r8, r15 | ids=1,4  | preset=sagemaker | 3                    | 15 of 16
  -, -, -, r1    | ids=1,4    | preset=envoy     | 3                    | 1 is at 3 / 4, rounded up to 1
  -, -, -, r2    | ids=1,4    | preset=envoy     | 3                    | 2 is at 5 / 4, which is 2
  -, -, -, r3    | ids=1,4    | preset=envoy     | 0                    | 3 is above 6 / 4, which is 2: this key goes on to 0, 2, 1
  r3, -, -, -    | ids=1,5    | preset=envoy     | 1                    | of two keys with one home, this goes on to 1
  r3, -, -, -    | ids=1,12   | preset=envoy     | 3                    | and that to 3
  r5, -, -, r6   | ids=1,4    | preset=envoy     | 0                    | 6 is above 18 / 4, 5 is not
  r6, -, -, r6   | ids=1,4    | preset=envoy     | 2                    | both are above 20 / 4: the third
  x, -, -, r3    | ids=1,4    | preset=envoy     | 2                    | 3 is above 6 / 3, and the second is down
  -, x, x, r4    | ids=1,4    | preset=envoy     | 3                    | 4 is at 8 / 2
  r2, r2, r2, r2 | ids=1,4    | preset=envoy load_factor=0.1 | 3        | all above 1: equal, so home
  r3, r2, r2, r3 | ids=1,4    | preset=envoy load_factor=0.1 | 2        | all above 1: the first of the fewest
  x, x, x, x     | ids=1,4    | preset=envoy     | no_available_backend | all down
  -, -, r8 x, r3 | ids=1,4    |                  | 3                    | 3 is under 3.75: requests of one that is down count
  -, -, -, x     | ids=1,4    |                  | 1                    | home is down: the second
  -, x, -, x     | ids=1,4    |                  | 2                    | so is the second: the third
  -, -, -, w10   | ids=1,4    |                  | 1                    | home is full
  x, x, x, x     | ids=1,4    |                  | no_available_backend | all down
                 | ids=1,4    |                  | no_available_backend | no backends
`,
)

describe.each(['ring', 'rendezvous', 'maglev'])('session_hash by %s', (hash) => {
  const home = (session: string, states = loads(0, 0, 0, 0), parameters = {}) =>
    Number(
      decide(sessionHash, { states, request: { session }, parameters: { hash, ...parameters } }),
    )

  test('a session keeps its home whatever the load, and while others fail', () => {
    for (const session of ['a', 'b', 'c', 'd', 'e']) {
      const at = home(session)
      expect(home(session, loads(9, 99, 999, 9999))).toBe(at)
      const other = loads(0, 0, 0, 0).map((state, id) =>
        id === (at + 1) % 4 ? { healthy: false } : state,
      )
      expect(home(session, other)).toBe(at)
      const itself = loads(0, 0, 0, 0).map((state, id) => (id === at ? { healthy: false } : state))
      expect(home(session, itself)).not.toBe(at)
    }
  })

  test('a bound of 1.5 sends it on', () => {
    const at = home('a')
    // 6 requests on the home alone: the bound is 1.5 x 7 / 4 = 2.6.
    const busy = loads(0, 0, 0, 0).map((state, id) => (id === at ? { running: 6 } : state))
    expect(home('a', busy, { load_factor: 1.5 })).not.toBe(at)
    expect(home('a', busy, { load_factor: 3.5 })).toBe(at)
  })
})

test.each([
  ['the fewest requests', {}, 1],
  ['never used first', { without_key: 'lowest_rate' }, 0],
])('without a key: %s', (_, parameters, expected) => {
  expect(decide(sessionHash, { states: loads(3, 1, 2), parameters })).toBe(expected)
})

test('a user stands in for a session, and a random choice reaches every backend', () => {
  const states = loads(0, 0, 0, 0, 0, 0, 0, 0)
  const request = { user: 'u' }
  const by = (fields: object) => decide(sessionHash, { states, request: fields })
  expect(by(request)).toBe(by({ session: 'u' }))
  const router = sessionHash.create({ without_key: 'random' })
  const cluster = testCluster(loads(0, -1, 0))
  const met = new Set(
    Array.from({ length: 50 }, () => summary(router.route(testRequest(), cluster))),
  )
  expect(met).toEqual(new Set([0, 2]))
})

describe('chwbl_prefix', () => {
  const router = chwblPrefix.create({ prefix_tokens: 25 })
  const to = (ids: number[], counts: number[], id = 0) =>
    summary(router.route(testPrompt(ids, { id }), testCluster(loads(...counts))))

  test('prompts with the same first 25 tokens go to one place, others elsewhere', () => {
    const idle = [0, 0, 0, 0, 0, 0, 0, 0]
    const at = to([1, 4, 13], idle)
    // 25 tokens end in the second run of 16.
    for (const ids of [
      [1, 4],
      [1, 4, 14, 43],
    ])
      expect(to(ids, idle)).toBe(at)
    const others = Array.from({ length: 40 }, (_, i) => to([1, 50 + i], idle))
    expect(new Set(others).size).toBeGreaterThan(5)
  })

  test('a prompt that shares nothing has a key of its own', () => {
    const idle = [0, 0, 0, 0, 0, 0, 0, 0]
    const alone = Array.from({ length: 40 }, (_, id) =>
      summary(router.route(testPrompt([], { id, promptTokens: 100 }), testCluster(loads(...idle)))),
    )
    expect(new Set(alone).size).toBeGreaterThan(5)
  })

  test('when it is given a request, a backend has at most 1.25 times the mean, and one more', () => {
    const counts = Array.from({ length: 20 }, () => 0)
    for (let i = 0; i < 400; i++) {
      const total = counts.reduce((sum, count) => sum + count)
      // A quarter of the requests begin alike.
      const at = Number(to(i % 4 === 0 ? [1, 4] : [1, 100 + i], counts, i))
      counts[at]!++
      expect(counts[at]).toBeLessThanOrEqual(Math.floor((1.25 * (total + 1)) / 20) + 1)
    }
  })

  test('past the bound of one home, its keys go on to all others alike, each always to the same', () => {
    const envoy = chwblPrefix.create({ preset: 'envoy' })
    const onFrom = (key: number, busy: number) => {
      const counts = Array.from({ length: 5 }, (_, id) => (id === busy ? 9 : 0))
      return Number(summary(envoy.route(testPrompt([key]), testCluster(loads(...counts)))))
    }
    const counts = [0, 0, 0, 0, 0]
    let keys = 0
    for (let key = 0; key < 4000; key++) {
      if (onFrom(key, -1) !== 2) continue
      keys++
      const to = onFrom(key, 2)
      expect(onFrom(key, 2)).toBe(to)
      counts[to]!++
    }
    expect(counts[2]).toBe(0)
    for (const id of [0, 1, 3, 4]) expect(Math.abs(counts[id]! / keys - 0.25)).toBeLessThan(0.06)
  })

  test.each([
    [loads(-1, -1), 'no_available_backend'],
    [[], 'no_available_backend'],
    [loads(-1, 99), 1],
  ])('%j: %s', (states, expected) => {
    expect(summary(router.route(testPrompt([1, 4]), testCluster(states)))).toBe(expected)
  })
})

describe('when one of ten backends goes', () => {
  const KEYS = 4000
  const ten = testCluster(Array.from({ length: 10 }, () => ({ running: 4 })))
  const nine = testCluster(
    Array.from({ length: 10 }, (_, id) => ({ running: 4, role: id === 3 ? 'decode' : 'both' })),
  ).pool('both')

  test.each([
    // Maglev moves a few keys of others, too.
    ['session_hash', { hash: 'ring' }, 0],
    ['session_hash', { hash: 'rendezvous' }, 0],
    ['session_hash', { hash: 'maglev' }, 0.03],
    ['session_hash', { preset: 'smg_bounded' }, 0],
    ['chwbl_prefix', { preset: 'kubeai' }, 0],
    ['chwbl_prefix', { preset: 'sglang_prefix_hash' }, 0],
    ['chwbl_prefix', { preset: 'envoy' }, 0],
  ])('%s with %j moves its keys and at most %f of all others', (name, parameters, strays) => {
    const router = (name === 'session_hash' ? sessionHash : chwblPrefix).create(parameters)
    const homes = (cluster: typeof ten) =>
      Array.from({ length: KEYS }, (_, key) =>
        summary(router.route(testPrompt([key], { session: `${key}` }, 300), cluster)),
      )
    const [before, after] = [homes(ten), homes(nine)]
    const own = before.filter((home) => home === 3).length
    const moved = before.filter((home, key) => home !== after[key]).length
    expect(after).not.toContain(3)
    expect((moved - own) / KEYS).toBeLessThanOrEqual(strays)
    // A tenth, give or take how evenly the points of ten backends lie.
    expect(own / KEYS).toBeLessThan(0.14)
    expect(own).toBeGreaterThan(0)
  })
})

test('without a key the lowest rate is that of all requests, those with a key too', () => {
  const router = sessionHash.create({ without_key: 'lowest_rate' })
  const cluster = testCluster([{}, {}])
  const send = (session?: string) => {
    const request = testRequest(session === undefined ? {} : { session })
    const decision = router.route(request, cluster)
    if (decision.kind === 'backend') router.onDispatched?.(request, decision, cluster, decision)
    return summary(decision)
  }
  const home = send('a')
  expect([send('a'), send('a')]).toEqual([home, home])
  const other = home === 0 ? 1 : 0
  // Three requests against none, one, two, and three, where the lowest id goes first.
  expect([send(), send(), send(), send()]).toEqual([other, other, other, 0])
})
