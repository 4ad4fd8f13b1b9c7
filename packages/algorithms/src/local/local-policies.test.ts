import { describe, expect, test } from 'vitest'
import { builtinLocalPolicies, findLocalPolicy } from '../registry/builtin-local-policies.js'
import { admissionOrder, type TestWaiting } from '../testing/test-waiting.js'
import { deadline } from './deadline.js'
import { fcfs } from './fcfs.js'
import { hrrn } from './hrrn.js'
import { laxity } from './laxity.js'
import { longestPrefixMatch } from './longest-prefix-match.js'
import { lottery } from './lottery.js'
import { priority } from './priority.js'
import { shortest } from './shortest.js'

const prompts = (...tokens: number[]): TestWaiting[] =>
  tokens.map((promptTokens) => ({ promptTokens }))

test('first come, first served keeps the order', () => {
  expect(admissionOrder(fcfs, prompts(9, 1, 5))).toEqual([0, 1, 2])
})

test('shortest: by prompt, or by what may come of it; equals keep their order', () => {
  const requests = [
    { promptTokens: 50, maxTokens: 10 },
    { promptTokens: 20, maxTokens: 90 },
    { promptTokens: 50, maxTokens: 5 },
  ]
  expect(admissionOrder(shortest, requests)).toEqual([1, 0, 2])
  expect(admissionOrder(shortest, requests, { parameters: { by: 'total' } })).toEqual([2, 0, 1])
})

test('priority: the larger first, equals as they came', () => {
  const requests = [{ priority: 0 }, { priority: 2 }, { priority: -1 }, { priority: 2 }]
  expect(admissionOrder(priority, requests)).toEqual([1, 3, 0, 2])
})

describe('with deadlines', () => {
  // Due at 1000, 450, 600.
  const requests = [
    { arrivalMs: 0, promptTokens: 900, ttftSloMs: 1000 },
    { arrivalMs: 50, promptTokens: 10, ttftSloMs: 400 },
    { arrivalMs: 100, promptTokens: 300, ttftSloMs: 500 },
  ]

  test('deadline: what is due next', () => {
    expect(admissionOrder(deadline, requests)).toEqual([1, 2, 0])
  })

  test('laxity: what can wait least, 100, 440 and 300 ms at one ms per token', () => {
    expect(admissionOrder(laxity, requests)).toEqual([0, 2, 1])
    // Once 890 tokens of the first are cached it can wait 990 ms.
    const cached = requests.map((request, i) =>
      i === 0 ? { ...request, cachedTokens: 890 } : request,
    )
    expect(admissionOrder(laxity, cached)).toEqual([2, 1, 0])
  })

  test('parameters stand in for requests that ask for no time', () => {
    const plain = [{ promptTokens: 300 }, { promptTokens: 10 }, { promptTokens: 10, ttftSloMs: 20 }]
    expect(admissionOrder(deadline, plain)).toEqual([2, 0, 1])
    const parameters = { slo_ms: 5, slo_ms_per_prompt_token: 1 }
    expect(admissionOrder(deadline, plain, { parameters })).toEqual([1, 2, 0])
  })
})

test('hrrn: at 100 ms, 90/30, 100/50, 10/2 and nothing left to compute', () => {
  const requests = [
    { arrivalMs: 10, prefillMs: 30 },
    { arrivalMs: 0, prefillMs: 50 },
    { arrivalMs: 90, prefillMs: 2 },
    { arrivalMs: 100, prefillMs: 0 },
  ]
  expect(admissionOrder(hrrn, requests, { nowMs: 100 })).toEqual([3, 2, 0, 1])
})

test('lottery: shares of the first place follow the tickets, and a seed gives one order', () => {
  const first = (parameters: Record<string, unknown>): number => {
    let count = 0
    for (let seed = 0; seed < 4000; seed++) {
      const requests = [
        { promptTokens: 300, priority: 2 },
        { promptTokens: 100, priority: 0 },
      ]
      if (admissionOrder(lottery, requests, { seed, parameters })[0] === 0) count++
    }
    return count / 4000
  }
  expect(first({})).toBeCloseTo(0.25, 1)
  expect(first({ tickets: 'equal' })).toBeCloseTo(0.5, 1)
  expect(first({ tickets: 'priority' })).toBeCloseTo(0.8, 1)
  const drawn = () => admissionOrder(lottery, prompts(9, 8, 7, 6, 5, 4), { seed: 3 })
  expect(drawn()).toEqual(drawn())
})

test('longest prefix match, and first come, first served beyond 128', () => {
  const requests = (count: number): TestWaiting[] =>
    Array.from({ length: count }, (_, i) => ({ promptTokens: 100, cachedTokens: (i % 3) * 16 }))
  expect(admissionOrder(longestPrefixMatch, requests(6))).toEqual([2, 5, 1, 4, 0, 3])
  expect(admissionOrder(longestPrefixMatch, requests(128))[0]).toBe(2)
  expect(admissionOrder(longestPrefixMatch, requests(129))[0]).toBe(0)
})

describe.each(builtinLocalPolicies)('$name', (definition) => {
  const { configure, description, manifest } = definition

  test('orders whoever waits, each once', () => {
    const requests = Array.from({ length: 40 }, (_, i) => ({
      arrivalMs: i,
      promptTokens: 1 + ((i * 37) % 11),
      priority: i % 3,
      ttftSloMs: i % 2 === 0 ? undefined : i,
      cachedTokens: i % 5 === 0 ? 1 : 0,
    }))
    for (const nowMs of [40, 1e6]) {
      const order = admissionOrder(definition, requests, { nowMs })
      expect(order.toSorted((a, b) => a - b)).toEqual(requests.map((_, i) => i))
    }
  })

  test('says what it does in sentences', () => {
    for (const text of [description, manifest.rule, manifest.wins, manifest.loses]) {
      expect(text).toMatch(/^[A-Z].*\.$/)
    }
    expect(manifest.source).toBeTruthy()
  })

  test('refuses a parameter it does not know', () => {
    expect(() => configure({ speed: 1 })).toThrow(
      `scheduling.${definition.name}.speed: unknown parameter`,
    )
  })
})

test('a policy is found by name, or the nearest is suggested', () => {
  expect(findLocalPolicy('longest-prefix-match')).toBe(longestPrefixMatch)
  expect(() => findLocalPolicy('hrn')).toThrow(
    expect.objectContaining({ code: 'policy_unknown', hint: 'Did you mean "hrrn"?' }),
  )
})
