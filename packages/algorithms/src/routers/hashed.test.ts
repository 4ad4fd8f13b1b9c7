import { describe, expect, test } from 'vitest'
import { decide, loads } from '../testing/decide.js'
import { summary, testCluster, testRequest } from '../testing/test-cluster.js'
import { testPrompt } from '../testing/test-prompt.js'
import { chwblPrefix } from './chwbl-prefix.js'
import { sessionHash } from './session-hash.js'

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

  test.each([
    [loads(-1, -1), 'no_available_backend'],
    [[], 'no_available_backend'],
    [loads(-1, 99), 1],
  ])('%j: %s', (states, expected) => {
    expect(summary(router.route(testPrompt([1, 4]), testCluster(states)))).toBe(expected)
  })
})
