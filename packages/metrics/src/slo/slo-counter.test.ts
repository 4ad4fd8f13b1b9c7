import { NO_NODE, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { LogHistogram } from '../histogram/log-histogram.js'
import { summarize } from '../summary/summarize.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { isWithin } from './is-within.js'
import { SloCounter } from './slo-counter.js'
import type { SloOptions } from './slo-options.js'

interface Asked extends RequestFacts {
  readonly tenant?: string
  readonly priority?: number
  /** What the request itself asks for. */
  readonly own?: { readonly ttftSloMs?: number; readonly deadlineMs?: number }
}

/** A run whose requests name tenants and priorities. */
function run(facts: readonly Asked[]) {
  const result = runResult(facts, [{ busyMs: 0 }])
  const builder = new RequestTableBuilder()
  for (const { arrivalMs, promptTokens = 100, outputTokens = 10, ...named } of facts) {
    const tenant = named.tenant === undefined ? {} : { tenant: named.tenant }
    const priority = named.priority ?? 0
    const asked = { ...tenant, ...named.own }
    builder.add({ arrivalMs, promptTokens, outputTokens, promptNode: NO_NODE, priority, ...asked })
  }
  return { ...result, requests: builder.build() }
}

const summaryOf = (facts: readonly Asked[], slo?: SloOptions) =>
  summarize(run(facts), new LogHistogram(), { pricePerHour: [1], slo })

// TTFT 100, 300, 100 ms; TPOT (10 tokens) 10, 10, 50 ms; E2E 190, 390, 550 ms; one rejected.
const FOUR: readonly Asked[] = [
  { arrivalMs: 0, admittedMs: 0, firstTokenMs: 100, finishedMs: 190 },
  { arrivalMs: 0, admittedMs: 0, firstTokenMs: 300, finishedMs: 390 },
  { arrivalMs: 450, admittedMs: 450, firstTokenMs: 550, finishedMs: 1000 },
  { arrivalMs: 460, rejectReason: 'queue_full' },
]

test('attainment of each target and of all, over all requests, rejected ones included', () => {
  const { slo } = summaryOf(FOUR, { ttftMs: 200, tpotMs: 20 })
  expect(slo).toMatchObject({
    ttft_target_ms: 200,
    e2e_target_ms: null,
    requests: 4,
    ttft_attainment: 0.5,
    tpot_attainment: 0.5,
    e2e_attainment: null,
    attainment: 0.25,
    good_requests: 1,
    // Over the second from the first arrival to the last completion.
    goodput_requests_per_sec: 1,
    goodput_gen_tokens_per_sec: 10,
    goodput_total_tokens_per_sec: 110,
    per_class: {},
  })
})

test('what requests ask for themselves counts where that is wanted, and goes before the rest', () => {
  const own = [{ ttftSloMs: 99 }, { deadlineMs: 390 }, undefined, { deadlineMs: 5 }]
  const facts = FOUR.map((fact, i) => ({ ...fact, ...(own[i] && { own: own[i] }) }))
  expect(summaryOf(facts)).not.toHaveProperty('slo')
  expect(summaryOf(facts, { ofRequests: true }).slo).toMatchObject({
    ttft_target_ms: null,
    requests: 3,
    ttft_attainment: 0,
    e2e_attainment: 0.5,
    good_requests: 1,
  })
  const both = summaryOf(facts, { ofRequests: true, ttftMs: 200, e2eMs: 500 }).slo
  // TTFT: missed (99), missed, met, rejected. E2E: met, met (its own), missed, rejected.
  expect(both).toMatchObject({ requests: 4, ttft_attainment: 0.25, e2e_attainment: 0.5 })
  expect(summaryOf(facts, { ttftMs: 200 }).slo?.ttft_attainment).toBe(0.5)
})

test('a target is met by what is exactly as long', () => {
  expect(summaryOf(FOUR, { ttftMs: 300, e2eMs: 550 }).slo?.attainment).toBe(0.75)
  expect(summaryOf(FOUR, { ttftMs: 299.99 }).slo?.attainment).toBe(0.5)
})

test('one output token has no gap; an answer without tokens has no first one', () => {
  const short = { arrivalMs: 0, admittedMs: 0, firstTokenMs: 10, finishedMs: 10, outputTokens: 1 }
  const none = { arrivalMs: 0, admittedMs: 0, finishedMs: 10, outputTokens: 0 }
  expect(summaryOf([short, none], { ttftMs: 50, tpotMs: 1 }).slo?.attainment).toBe(1)
})

test('what was not completed misses its targets, however soon it ended', () => {
  const lost = {
    ...{ arrivalMs: 0, admittedMs: 0, firstTokenMs: 10, finishedMs: 20 },
    outcome: 'failed' as const,
  }
  const { slo } = summaryOf([FOUR[0]!, lost], { ttftMs: 200, tpotMs: 20, e2eMs: 400 })
  const half = { ttft_attainment: 0.5, tpot_attainment: 0.5, e2e_attainment: 0.5 }
  expect(slo).toMatchObject({ ...half, attainment: 0.5, good_requests: 1 })
})

test('without targets and tenants nothing is said', () => {
  expect(summaryOf(FOUR)).not.toHaveProperty('slo')
  expect(summaryOf(FOUR)).not.toHaveProperty('tenants')
  expect(summaryOf(FOUR, { tenants: { a: { weight: 2 } } })).not.toHaveProperty('slo')
})

test('of targets that no request has nothing is said', () => {
  const { slo } = summaryOf(FOUR, { tenants: { nobody: { ttftMs: 1 } } })
  expect(slo).toMatchObject({
    ...{ requests: 0, attainment: null, good_requests: 0 },
    ...{ goodput_requests_per_sec: null, goodput_gen_tokens_per_sec: null },
    goodput_total_tokens_per_sec: null,
  })
})

test("a tenant's targets go before those of a class, and those before the ones for all", () => {
  const facts = [
    { ...FOUR[1]!, tenant: 'gold', priority: 1 },
    { ...FOUR[1]!, tenant: 'free', priority: 1 },
    { ...FOUR[1]!, tenant: 'free', priority: 0 },
  ]
  const { slo, tenants } = summaryOf(facts, {
    ttftMs: 250,
    tenants: { gold: { ttftMs: 100 } },
    classes: { fast: { priority: 1, ttftMs: 350 } },
  })
  expect(slo?.good_requests).toBe(1)
  expect(slo?.per_class).toMatchObject({
    fast: { requests: 2, good_requests: 1, attainment: 0.5 },
    other: { requests: 1, good_requests: 0 },
  })
  expect(tenants?.per_tenant['gold']).toMatchObject({ attainment: 0, weight: 1 })
  expect(tenants?.per_tenant['free']).toMatchObject({ attainment: 0.5, total_requests: 2 })
})

test('fairness is judged by what each is entitled to', () => {
  const done = { arrivalMs: 0, admittedMs: 0, firstTokenMs: 10, finishedMs: 20 }
  const facts = [
    { ...done, promptTokens: 290, tenant: 'large' },
    { ...done, promptTokens: 90, tenant: 'small' },
    { arrivalMs: 1, promptTokens: 90, tenant: 'small', rejectReason: 'queue_full' },
  ]
  // Served 300 and 100 tokens: even for weights of 3 and 1.
  expect(summaryOf(facts, { tenants: { large: { weight: 3 } } }).tenants).toMatchObject({
    count: 2,
    service_jain: 1,
    service_max_min_ratio: 1,
    service_gini: 0,
    // All of what one asked for, and half of what the other did: 1.5² / (2 · 1.25).
    satisfaction_jain: 0.9,
    ttft_jain: 1,
    attainment_jain: null,
  })
  expect(summaryOf(facts).tenants).toMatchObject({
    // 400² / (2 · 100 000), 300 / 100, and |300 - 100| / (2 · 2 · 200).
    service_jain: 0.8,
    service_max_min_ratio: 3,
    service_gini: 0.25,
  })
})

test('the mean time to the first token is that of those who got one', () => {
  const { tenants } = summaryOf([
    { ...FOUR[0]!, tenant: 'a' },
    { ...FOUR[1]!, tenant: 'a' },
    { ...FOUR[2]!, tenant: 'b' },
    { ...FOUR[3]!, tenant: 'a' },
    { ...FOUR[3]!, tenant: 'c' },
  ])
  const means = Object.values(tenants!.per_tenant).map((tenant) => tenant.mean_ttft_ms)
  expect(means).toEqual([200, 100, null])
  // 300² / (2 x (200² + 100²)).
  expect(tenants!.ttft_jain).toBeCloseTo(0.9, 12)
})

test('tenants may be more than a call takes arguments', () => {
  const done = { arrivalMs: 0, admittedMs: 0, firstTokenMs: 10, finishedMs: 20 }
  const facts = Array.from({ length: 130_000 }, (_, i) => ({
    ...done,
    promptTokens: i === 0 ? 290 : 90,
    tenant: `t${i}`,
  }))
  expect(summaryOf(facts).tenants).toMatchObject({ count: 130_000, service_max_min_ratio: 3 })
})

test('of very many tenants the largest are listed, of equals the first by name', () => {
  const done = { arrivalMs: 0, admittedMs: 0, firstTokenMs: 10, finishedMs: 20 }
  const facts = Array.from({ length: 202 }, (_, i) => ({
    ...done,
    promptTokens: i === 0 ? 90 : i === 201 ? 290 : 190,
    tenant: `t${500 - i}`,
  }))
  const { tenants } = summaryOf(facts)
  const names = Object.keys(tenants!.per_tenant)
  expect([tenants!.count, names.length]).toEqual([202, 200])
  // t500 is the smallest, t499 the last of its equals; t299 is the largest.
  expect([names[0], names.at(-1)]).toEqual(['t299', 't498'])
})

test('targets that make no sense are refused', () => {
  expect(() => new SloCounter({ ttftMs: 0 })).toThrow(
    'slo.ttftMs: expected a finite number > 0, got 0',
  )
  expect(() => new SloCounter({ e2eMs: Number.POSITIVE_INFINITY })).toThrow(
    'slo.e2eMs: expected a finite number > 0, got Infinity',
  )
  expect(() => new SloCounter({ tenants: { a: { weight: -1 } } })).toThrow(
    /^slo\.tenants\.a\.weight/,
  )
  const classes = { a: { priority: 1 }, b: { priority: 1 } }
  expect(() => new SloCounter({ classes })).toThrow(
    'slo.classes.b.priority: expected a priority of its own, got 1, which is that of a',
  )
  expect(() => new SloCounter({ classes: { other: { priority: 5 } } })).toThrow(
    'slo.classes.other: expected another name, since requests of no class are called so',
  )
})

test('a latency that is just the target meets it, whenever the request comes', () => {
  for (const stepMs of [60, 0.1]) {
    for (const offsetMs of [0, 90e6]) {
      const facts = Array.from({ length: 200 }, (_, i): Asked => {
        const arrivalMs = offsetMs + Math.round(3001 * i) / 10
        const firstTokenMs = arrivalMs + stepMs
        const finishedMs = firstTokenMs + stepMs + stepMs
        return { arrivalMs, admittedMs: arrivalMs, firstTokenMs, finishedMs, outputTokens: 3 }
      })
      const exact = { ttftMs: stepMs, tpotMs: stepMs, e2eMs: 3 * stepMs }
      expect(summaryOf(facts, exact).slo).toMatchObject({
        ...{ attainment: 1, ttft_attainment: 1, tpot_attainment: 1, e2e_attainment: 1 },
      })
      // A hundredth less is missed by all.
      const less = { ttftMs: 0.98 * stepMs, tpotMs: 0.98 * stepMs, e2eMs: 0.98 * 3 * stepMs }
      expect(summaryOf(facts, less).slo).toMatchObject({
        ...{ attainment: 0, ttft_attainment: 0, tpot_attainment: 0, e2e_attainment: 0 },
      })
    }
  }
})

test('what is just within a target', () => {
  expect(0.8 - 0.6).toBeGreaterThan(0.2)
  expect(isWithin(0.6, 0.8, 0.2)).toBe(true)
  expect(isWithin(0.6, 0.8, 0.1999)).toBe(false)
  // A microsecond in a day is nothing, a hundredth of a ms is something.
  expect(isWithin(864e5, 864e5 + 200.0005, 200)).toBe(true)
  expect(isWithin(864e5, 864e5 + 200.01, 200)).toBe(false)
  expect(isWithin(0, Number.NaN, 200)).toBe(false)
})
