import { expect, test } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import type { ClientSpec, WorkloadSpec } from '../generating/workload-spec.js'
import { readText } from '../testing/in-memory.js'
import { fitErrors } from './fit-error.js'
import { fitTrace, fitWorkload } from './fit-workload.js'

const workload = (
  client: Omit<ClientSpec, 'outputTokens'> & Partial<ClientSpec>,
  durationSec = 1000,
): WorkloadSpec => ({
  seed: 3,
  durationSec,
  clients: [{ outputTokens: { kind: 'exponential', mean: 120 }, ...client }],
})

/** Errors of a fit to a workload, by the name of the statistic; the fit is drawn with another seed. */
function errorsOf(spec: WorkloadSpec): Record<string, number> {
  const table = generateTrace(spec)
  const like = generateTrace({ ...fitWorkload(table), seed: 77 })
  const errors = fitErrors(table, like)
  return Object.fromEntries(errors.map(({ statistic, error }) => [statistic, error]))
}

/** Asserts that each error is within its limit. */
function expectWithin(errors: Record<string, number>, limits: Record<string, number>): void {
  for (const [statistic, limit] of Object.entries(limits)) {
    expect(Math.abs(errors[statistic] ?? Number.NaN), statistic).toBeLessThan(limit)
  }
}

/** Asserts that a distribution is of a kind, with numbers within 6%. */
function expectNear(found: unknown, expected: object): void {
  const given = found as Record<string, unknown>
  for (const [key, value] of Object.entries(expected)) {
    if (typeof value !== 'number') expect(given[key], key).toBe(value)
    else
      expect(Math.abs((given[key] as number) / value - 1), `${key} ${given[key]}`).toBeLessThan(
        0.06,
      )
  }
}

test('a simple workload is told in its own words', () => {
  const arrivals = { kind: 'gamma', cv: 2, rateRps: 10 } as const
  const promptTokens = { kind: 'lognormal', mean: 900, std: 400 } as const
  const spec = workload({ arrivals, promptTokens })
  const [client, ...others] = fitWorkload(generateTrace(spec)).clients
  expect(others).toEqual([])
  expectNear(client!.arrivals, arrivals)
  expectNear(client!.promptTokens, promptTokens)
  expectNear(client!.outputTokens, { kind: 'exponential', mean: 120 })
  expect(Object.keys(client!)).toEqual(['arrivals', 'promptTokens', 'outputTokens'])
  expectWithin(errorsOf(spec), { rate: 0.06, 'prompts, mean': 0.03, 'prompts, p99': 0.08 })
})

test.each([
  { kind: 'constant', rateRps: 5 },
  { kind: 'poisson', rateRps: 5 },
  { kind: 'weibull', cv: 3, rateRps: 20 },
  { kind: 'poisson', diurnal: { peakRateRps: 20, troughRateRps: 4, periodSec: 500 } },
] as const)('arrivals of kind %j', (arrivals) => {
  const spec = workload({ arrivals, promptTokens: 500, outputTokens: 10 })
  const [client] = fitWorkload(generateTrace(spec)).clients
  const { kind, diurnal, ...numbers } = { diurnal: undefined, ...arrivals }
  expect(client).toMatchObject({ arrivals: { kind }, promptTokens: 500, outputTokens: 10 })
  expectNear(client!.arrivals, numbers)
  expectNear(client!.arrivals.diurnal, diurnal ?? {})
})

test('a rate that changes in steps', () => {
  const stages = [
    { durationSec: 300, rateRps: 5 },
    { durationSec: 300, rateRps: 20 },
    { durationSec: 300, rateRps: 10 },
  ]
  const spec = workload({ arrivals: { kind: 'poisson', stages }, promptTokens: 500 })
  const [client] = fitWorkload(generateTrace(spec)).clients
  const found = client!.arrivals.stages!
  expect(client!.arrivals.kind).toBe('poisson')
  const ends = found.map((_, i) =>
    found.slice(0, i + 1).reduce((sum, { durationSec }) => sum + durationSec, 0),
  )
  const rateAt = (sec: number): number => found[ends.findIndex((end) => end > sec)]!.rateRps
  for (const [sec, rate] of [
    [150, 5],
    [450, 20],
    [750, 10],
  ] as const) {
    expect(Math.abs(rateAt(sec) / rate - 1), `at ${sec} s`).toBeLessThan(0.1)
  }
})

test('prefixes and who sends them', () => {
  const spec = workload({
    arrivals: { kind: 'poisson', rateRps: 10 },
    prefixes: [{ count: 30, tokens: 1500, zipfExponent: 1.1 }],
    uniqueTokens: { kind: 'uniform', min: 100, max: 900 },
    tenants: { count: 12, zipfExponent: 0.8 },
    classes: [
      { name: 'chat', weight: 3, priority: 2, ttftMs: 500 },
      { name: 'batch', weight: 1, deadlineMs: 60_000 },
    ],
  })
  const fitted = fitWorkload(generateTrace(spec))
  const [client] = fitted.clients
  expect(fitted.clients).toHaveLength(1)
  expect(client!.prefixes).toEqual([
    { count: 30, tokens: 1500, zipfExponent: expect.closeTo(1.1, 0) },
  ])
  expectNear(client!.prefixes![0], { zipfExponent: 1.1 })
  expectNear(client!.uniqueTokens, { kind: 'uniform', min: 100, max: 900 })
  expect(client!.tenants!.count).toBe(12)
  const classes = [...client!.classes!].sort((a, b) => b.weight - a.weight)
  expectNear(classes[0], { weight: 0.75, priority: 2, ttftMs: 500 })
  expect(classes[1]).toMatchObject({ deadlineMs: 60_000 })
  expectWithin(errorsOf(spec), {
    'hit rate, mean of requests': 0.01,
    'hit rate, of tokens': 0.01,
    'prompts, mean': 0.02,
  })
  // Nothing of the trace goes with it: no name, and no seed.
  expect(JSON.stringify(fitted)).not.toMatch(/tenant\d|chat|batch/)
})

test('names that a part of the requests has', () => {
  const spec = workload({
    arrivals: { kind: 'poisson', rateRps: 10 },
    promptTokens: 500,
    tenants: { count: 12, zipfExponent: 0.8, share: 0.5 },
    users: { count: 3 },
    models: { count: 2, share: 0.9 },
    adapters: { count: 3, share: 0.02 },
  })
  const { workload: fitted, lost } = fitTrace(generateTrace(spec))
  expect(lost).toEqual([])
  const [{ tenants, users, models, adapters } = spec.clients[0]!] = fitted.clients
  expect([tenants!.count, users!.count, models!.count, adapters!.count]).toEqual([12, 3, 2, 3])
  expectNear(tenants, { share: 0.5 })
  expectNear(models, { share: 0.9 })
  expect(users!.share).toBeUndefined()
  expect(adapters!.share).toBeCloseTo(0.02, 2)
})

test('what a workload can not tell is told', async () => {
  const line = (i: number, more: object): string =>
    JSON.stringify({ ts: i * 100, prompt_tokens: 50, gen_tokens: 5, ...more })
  const lostOf = async (more: (i: number) => object): Promise<readonly string[]> => {
    const lines = Array.from({ length: 60 }, (_, i) => line(i, more(i)))
    return fitTrace((await readText(lines.join('\n'))).table).lost
  }
  expect(await lostOf(() => ({ max_tokens: 80, tenant: 'a', priority: 3 }))).toEqual(['maxTokens'])
  expect(await lostOf((i) => ({ deadline_ms: 1000 + (i % 16) }))).toEqual([])
  expect(await lostOf((i) => ({ deadline_ms: 1000 + (i % 17) }))).toEqual(['deadlineMs'])
  // Each is a conversation of one turn.
  expect(await lostOf((i) => ({ conversation_id: `s${i}` }))).toEqual(['session'])
})

test('prefixes within prefixes', () => {
  const spec = workload({
    arrivals: { kind: 'poisson', rateRps: 10 },
    prefixes: [
      { count: 3, tokens: 2048 },
      { count: 40, tokens: 1024, zipfExponent: 0.9 },
    ],
    uniqueTokens: 600,
  })
  const [client] = fitWorkload(generateTrace(spec)).clients
  expect(client!.prefixes).toMatchObject([
    { count: 3, tokens: 2048 },
    { count: 40, tokens: 1024 },
  ])
  expectWithin(errorsOf(spec), { 'hit rate, mean of requests': 0.01, 'prompts, mean': 0.01 })
})

const chat = {
  turns: { kind: 'geometric', mean: 5 },
  newTokens: { kind: 'lognormal', mean: 150, std: 100 },
  thinkTimeSec: { kind: 'exponential', mean: 15 },
  maxPromptTokens: 100_000,
} as const

test.each(['after_answer', 'after_arrival', 'on_schedule'] as const)(
  'conversations, %s',
  (next) => {
    const spec = workload({
      arrivals: { kind: 'poisson', rateRps: 3 },
      promptTokens: { kind: 'lognormal', mean: 2000, std: 600 },
      sessions: { ...chat, next },
    })
    const fitted = fitWorkload(generateTrace(spec))
    expect(fitted.clients).toHaveLength(1)
    const { sessions } = fitted.clients[0]!
    expect(sessions!.next).toBe(next)
    expectNear(sessions!.turns, chat.turns)
    expectNear(sessions!.newTokens, chat.newTokens)
    expectNear(sessions!.thinkTimeSec, chat.thinkTimeSec)
    expectWithin(errorsOf(spec), {
      requests: 0.06,
      rate: 0.06,
      'turns, mean': 0.06,
      'time between turns, mean': 0.05,
      'new tokens of a turn, mean': 0.05,
      'prompts, mean': 0.05,
      'prompts, p99': 0.1,
      'hit rate, of tokens': 0.02,
    })
  },
)

test('conversations without names are found in what prompts share', () => {
  const spec = workload({
    arrivals: { kind: 'poisson', rateRps: 3 },
    prefixes: [{ count: 1, tokens: 1000 }],
    uniqueTokens: { kind: 'lognormal', mean: 2000, std: 600 },
    sessions: chat,
  })
  const table = generateTrace(spec)
  const nameless = { ...table, session: table.session.map(() => -1) }
  const [client, ...others] = fitWorkload(nameless).clients
  expect(others).toEqual([])
  expect(client!.prefixes).toEqual([{ count: 1, tokens: 1000 }])
  expectNear(client!.sessions!.turns, chat.turns)
  expectNear(client!.sessions!.newTokens, chat.newTokens)
})

test('lengths that go together stay together', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => {
    const prompt = 100 + ((i * 7919) % 3000)
    return JSON.stringify({
      ts: i * 100,
      prompt_tokens: prompt,
      gen_tokens: Math.ceil(prompt / 10),
    })
  })
  const { table } = await readText(lines.join('\n'))
  const { clients } = fitWorkload(table)
  expect(clients.map(({ name }) => name)).toEqual(['client0', 'client1', 'client2'])
  const like = generateTrace({ seed: 5, durationSec: 300, clients })
  const long = Array.from(like.outputTokens.keys()).filter((row) => like.promptTokens[row]! > 2100)
  expect(long.length).toBeGreaterThan(500)
  expect(long.every((row) => like.outputTokens[row]! >= 200)).toBe(true)
})

test('requests that arrive all at once, one alone, none', async () => {
  const same = '{"ts":5,"prompt_tokens":9,"gen_tokens":1}'
  const once = fitWorkload((await readText([same, same, same].join('\n'))).table)
  expect(once).toMatchObject({ requests: 3, clients: [{ arrivals: { kind: 'at_once' } }] })
  expect(generateTrace(once).size).toBe(3)
  const alone = (await readText(same)).table
  expect(generateTrace(fitWorkload(alone)).size).toBe(1)
  expect(() => fitWorkload({ ...alone, size: 0 })).toThrow('fit: expected requests, got none')
})

test('requests that come by the tick do so again, whatever client sends them', () => {
  const promptTokens = { kind: 'lognormal', mean: 900, std: 400 } as const
  const onTicks = (rateRps: number, own: object): ClientSpec => ({
    arrivals: { kind: 'poisson', rateRps, tickSec: 3 },
    promptTokens,
    outputTokens: { kind: 'exponential', mean: 120 },
    ...own,
  })
  const spec: WorkloadSpec = {
    seed: 3,
    durationSec: 3000,
    clients: [
      { name: 'a', ...onTicks(2, {}) },
      { name: 'b', ...onTicks(1, { prefixes: [{ count: 1, tokens: 2000 }], promptTokens: 5000 }) },
    ],
  }
  const table = generateTrace(spec)
  for (const ms of table.arrivalMs) expect(ms % 3000).toBe(0)
  const { clients } = fitWorkload(table)
  expect(clients.length).toBeGreaterThan(1)
  for (const { arrivals } of clients) expectNear(arrivals, { kind: 'poisson', tickSec: 3 })
  const { rate, 'CV of gaps': cv } = errorsOf(spec)
  expect(Math.abs(rate!)).toBeLessThan(0.05)
  expect(Math.abs(cv!)).toBeLessThan(0.05)
  // Times that are merely coarse are no ticks, nor are those that hardly any two requests share.
  const plain = generateTrace({ rateRps: 5, durationSec: 300 })
  expect(fitWorkload(plain).clients[0]!.arrivals.tickSec).toBeUndefined()
})

test('turns that follow an arrival come on ticks too, those that follow an answer do not', () => {
  const make = (next: 'after_arrival' | 'after_answer') =>
    generateTrace(
      workload({
        arrivals: { kind: 'poisson', rateRps: 1, tickSec: 2.5 },
        promptTokens: 100,
        sessions: {
          turns: 4,
          newTokens: 20,
          thinkTimeSec: { kind: 'exponential', mean: 9 },
          next,
          maxPromptTokens: 9999,
        },
      }),
    )
  expect(make('after_arrival').arrivalMs.every((ms) => ms % 2500 === 0)).toBe(true)
  expect(make('after_answer').arrivalMs.every((ms) => ms % 2500 === 0)).toBe(false)
  const wrong = workload({ arrivals: { kind: 'at_once', tickSec: 1 }, promptTokens: 9 })
  expect(() => generateTrace(wrong)).toThrow('tickSec: expected nothing, got it with at_once')
})
