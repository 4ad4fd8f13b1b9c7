import type { RequestTable } from '@routesim/core'
import { describe, expect, it, test } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { readText, writeText } from '../testing/in-memory.js'
import { moments } from '../testing/statistics.js'
import { atRequestRate } from './at-request-rate.js'
import { generateTrace } from './generate-trace.js'
import { expectedRequests } from './plan-workload.js'
import type { ClientSpec, WorkloadSpec } from './workload-spec.js'

const plain: ClientSpec = {
  arrivals: { kind: 'poisson', rateRps: 50 },
  promptTokens: { kind: 'lognormal', mean: 800, std: 300 },
  outputTokens: { kind: 'exponential', mean: 100 },
}

const one = (client: Partial<ClientSpec>, bounds: Partial<WorkloadSpec> = {}): RequestTable =>
  generateTrace({ seed: 5, durationSec: 60, ...bounds, clients: [{ ...plain, ...client }] })

const namesOf = (table: RequestTable, column: Int32Array | undefined): (string | undefined)[] =>
  Array.from(column ?? [], (id) => table.strings[id])

const shareOf = <T>(values: readonly T[], value: T): number =>
  values.filter((each) => each === value).length / values.length

/** Tokens that two prompts have in common. */
function common(table: RequestTable, a: number, b: number): number {
  const { parent, endTokens } = table.prompts
  const path = new Set<number>()
  for (let node = table.promptNode[a]!; node >= 0; node = parent[node]!) path.add(node)
  let node = table.promptNode[b]!
  while (node >= 0 && !path.has(node)) node = parent[node]!
  return node < 0 ? 0 : endTokens[node]!
}

describe('prefixes', () => {
  const table = one({
    uniqueTokens: 100,
    promptTokens: undefined,
    tenants: { count: 5 },
    users: { count: 20, zipfExponent: 1 },
    prefixes: [
      { name: 'system', count: 2, tokens: 1000 },
      { name: 'tenant', by: 'tenant', tokens: { kind: 'uniform', min: 200, max: 400 } },
      { name: 'user', by: 'user', tokens: 50 },
    ],
  })

  it('have levels: prompts share as many tokens as levels', () => {
    const { size, tenant, user, prefixTokens, promptTokens } = table
    const seen = new Set<number>()
    for (let a = 0; a < 60; a++) {
      expect(promptTokens[a]! - prefixTokens[a]!).toBe(100)
      for (let b = a + 1; b < Math.min(size, 200); b++) {
        const tokens = common(table, a, b)
        const sameTenant = tenant[a] === tenant[b]
        if (tokens === 0) continue
        if (tokens === 1000) expect(sameTenant).toBe(false)
        else if (user[a] === user[b]) expect(tokens).toBe(prefixTokens[a])
        else expect([sameTenant, tokens]).toEqual([true, prefixTokens[a]! - 50])
        seen.add(tokens === 1000 ? 1 : user[a] === user[b] ? 3 : 2)
      }
    }
    expect([...seen].sort()).toEqual([1, 2, 3])
  })

  it('are read back from a file as they were', async () => {
    const { text, lost } = await writeText(table, 'compact_jsonl')
    expect(lost).toEqual([])
    const back = (await readText(text)).table
    expect(promptSharing(back)).toEqual(promptSharing(table))
    expect(back.prefixTokens).toEqual(table.prefixTokens)
  })

  it('of one name are one content for several clients', () => {
    const prefixes = [{ name: 'house', count: 1, tokens: { kind: 'normal', mean: 300, std: 90 } }]
    const shared = generateTrace({
      seed: 1,
      requests: 40,
      clients: [
        { ...plain, name: 'a', prefixes: prefixes as ClientSpec['prefixes'] },
        { ...plain, name: 'b', prefixes: prefixes as ClientSpec['prefixes'] },
        { ...plain, name: 'c', prefixes: [{ count: 1, tokens: 300 }] },
      ],
    })
    expect(new Set(promptSharing(shared).sharedWith.filter((row) => row < 0)).size).toBe(1)
    const roots = new Set(Array.from(shared.promptNode, (node) => shared.prompts.startTokens[node]))
    expect(roots).toEqual(new Set([0]))
    expect(shared.prompts.size).toBe(2)
  })

  it('are cut where the prompt is shorter, level by level', () => {
    const short = one({
      promptTokens: 700,
      prefixes: [
        { count: 1, tokens: 500 },
        { count: 3, tokens: 400 },
      ],
    })
    expect(new Set(short.prefixTokens)).toEqual(new Set([700]))
    const pairs = Array.from({ length: 50 }, (_, b) => common(short, 0, b + 1))
    expect(new Set(pairs)).toEqual(new Set([500, 700]))
  })
})

describe('labels', () => {
  it('are as frequent as asked, and each tenant has users of its own', () => {
    const table = one(
      {
        tenants: { names: ['big', 'small'], weights: [3, 1] },
        users: { count: 4 },
        models: { names: ['m'] },
        adapters: { count: 3, zipfExponent: 1 },
      },
      { durationSec: 200 },
    )
    const tenants = namesOf(table, table.tenant)
    const users = namesOf(table, table.user)
    expect(Math.abs(shareOf(tenants, 'big') - 0.75)).toBeLessThan(0.02)
    expect(Math.abs(shareOf(namesOf(table, table.adapter), 'adapter0') - 6 / 11)).toBeLessThan(0.02)
    expect(new Set(users).size).toBe(8)
    expect(users.every((name, row) => name?.startsWith(`${tenants[row]}/user`))).toBe(true)
    expect(new Set(namesOf(table, table.model))).toEqual(new Set(['m']))
  })

  it('are those of a part of the requests, and the others have users and a prefix of their own', () => {
    const table = one(
      {
        promptTokens: undefined,
        uniqueTokens: 100,
        tenants: { count: 2, share: 0.25 },
        users: { count: 3, share: 0.5 },
        adapters: { count: 2, zipfExponent: 1, share: 0.6 },
        prefixes: [{ by: 'tenant', tokens: { kind: 'uniform', min: 200, max: 900 } }],
      },
      { durationSec: 200 },
    )
    const tenants = namesOf(table, table.tenant)
    const users = namesOf(table, table.user)
    const adapters = namesOf(table, table.adapter)
    expect(Math.abs(shareOf(tenants, undefined) - 0.75)).toBeLessThan(0.02)
    expect(Math.abs(shareOf(users, undefined) - 0.5)).toBeLessThan(0.02)
    expect(Math.abs(shareOf(adapters, undefined) - 0.4)).toBeLessThan(0.02)
    expect(Math.abs(shareOf(adapters, 'adapter0') - 0.4)).toBeLessThan(0.02)
    const usersOf = (tenant: string | undefined) =>
      new Set(users.filter((user, row) => user !== undefined && tenants[row] === tenant))
    expect(usersOf(undefined)).toEqual(new Set(['user0', 'user1', 'user2']))
    expect(usersOf('tenant1')).toEqual(new Set(['tenant1/user0', 'tenant1/user1', 'tenant1/user2']))
    // Of those with the same adapter, or none, all of a tenant, or of none, begin alike.
    const lengths = [undefined, 'tenant0', 'tenant1'].map((tenant) => {
      const rows = tenants.flatMap((own, row) => (own === tenant ? row : []))
      const base = rows.filter((row) => adapters[row] === undefined)
      const { prefixTokens } = table
      expect(new Set(rows.map((row) => prefixTokens[row])).size).toBe(1)
      expect(common(table, base[0]!, base[1]!)).toBe(prefixTokens[rows[0]!])
      return prefixTokens[rows[0]!]
    })
    expect(new Set(lengths).size).toBe(3)
  })

  it('are those of all where the share is 1, as without it', () => {
    const all = one({ tenants: { count: 3 }, users: { count: 2 } })
    expect(one({ tenants: { count: 3, share: 1 }, users: { count: 2 } })).toEqual(all)
  })

  it('classes of service carry what they promise', () => {
    const classes = [
      { name: 'chat', weight: 4, priority: 2, ttftMs: 500 },
      { name: 'batch', weight: 1, deadlineMs: 60_000 },
    ]
    const table = one({ classes }, { durationSec: 200 })
    const names = namesOf(table, table.sloClass)
    expect(Math.abs(shareOf(names, 'chat') - 0.8)).toBeLessThan(0.02)
    names.forEach((name, row) => {
      const isChat = name === 'chat'
      expect(table.priority[row]).toBe(isChat ? 2 : 0)
      expect(table.ttftSloMs[row]).toBe(isChat ? 500 : 0)
      expect(table.deadlineMs?.[row]).toBe(isChat ? Number.NaN : 60_000)
    })
  })

  it('priorities may be drawn, below 0 too', () => {
    const table = one({ priorities: { kind: 'uniform', min: -1, max: 1 } }, { durationSec: 100 })
    expect([...new Set(table.priority)].sort((a, b) => a - b)).toEqual([-1, 0, 1])
    for (const priority of [-1, 0, 1]) {
      expect(Math.abs(shareOf([...table.priority], priority) - 1 / 3)).toBeLessThan(0.03)
    }
  })
})

describe('clients', () => {
  const chat: ClientSpec = { ...plain, name: 'chat' }
  const code: ClientSpec = {
    name: 'code',
    arrivals: { kind: 'gamma', cv: 3, rateRps: 10 },
    promptTokens: { kind: 'empirical', values: [5000, 6000] },
    outputTokens: 10,
    tenants: { names: ['dev'] },
  }
  const of = (table: RequestTable, isCode: boolean): number[] =>
    [...table.arrivalMs].filter((_, row) => table.tenant[row]! >= 0 === isCode)

  it('keep their own rates and lengths, in order of arrival', () => {
    const table = generateTrace({ seed: 3, durationSec: 300, clients: [chat, code] })
    expect(Math.abs(of(table, false).length / 15_000 - 1)).toBeLessThan(0.03)
    expect(Math.abs(of(table, true).length / 3000 - 1)).toBeLessThan(0.2)
    expect([...table.arrivalMs]).toEqual([...table.arrivalMs].sort((a, b) => a - b))
    table.tenant.forEach((tenant, row) => {
      expect([5000, 6000].includes(table.promptTokens[row]!)).toBe(tenant >= 0)
    })
  })

  it('do not change when another does', () => {
    const before = generateTrace({ seed: 3, durationSec: 30, clients: [chat, code] })
    const faster: ClientSpec = { ...code, arrivals: { kind: 'constant', rateRps: 30 } }
    const after = generateTrace({ seed: 3, durationSec: 30, clients: [faster, chat] })
    expect(of(after, false)).toEqual(of(before, false))
    expect(of(after, true)).toHaveLength(900)
  })
})

test('each decision has a stream of its own: another distribution leaves the others as they were', () => {
  const base: Partial<ClientSpec> = {
    tenants: { count: 9 },
    prefixes: [{ count: 5, tokens: 64 }],
    sessions: {
      turns: { kind: 'geometric', mean: 3 },
      newTokens: { kind: 'exponential', mean: 40 },
      thinkTimeSec: { kind: 'exponential', mean: 5 },
      maxPromptTokens: 1e6,
      next: 'after_arrival',
    },
  }
  const table = one(base)
  const firsts = (of: RequestTable): number[] => {
    const seen = new Set<number>()
    return [...of.session.keys()].filter((row) => {
      const isFirst = !seen.has(of.session[row]!)
      seen.add(of.session[row]!)
      return isFirst
    })
  }
  const column = (
    of: RequestTable,
    name: 'arrivalMs' | 'promptTokens' | 'prefixTokens',
  ): number[] => firsts(of).map((row) => of[name][row]!)
  const changes: Partial<ClientSpec>[] = [
    { outputTokens: 7 },
    { tenants: { count: 2, zipfExponent: 2 } },
    { sessions: { ...base.sessions!, turns: 2 } },
    { sessions: { ...base.sessions!, thinkTimeSec: 1 } },
  ]
  for (const change of changes) {
    const other = one({ ...base, ...change })
    expect(column(other, 'arrivalMs')).toEqual(column(table, 'arrivalMs'))
    expect(column(other, 'promptTokens')).toEqual(column(table, 'promptTokens'))
  }
  const lengths = one({ ...base, promptTokens: 3000 })
  expect(lengths.arrivalMs).toEqual(table.arrivalMs)
  expect(lengths.outputTokens).toEqual(table.outputTokens)
})

describe('bounds', () => {
  it('a number of requests, or of conversations, ends a workload', () => {
    expect(one({}, { requests: 77, durationSec: undefined }).size).toBe(77)
    const sessions = { turns: 3, newTokens: 10, maxPromptTokens: 1e6, maxSessions: 5 } as const
    expect(one({ sessions, arrivals: { kind: 'at_once' } }).size).toBe(15)
    const cut = one({ sessions: { ...sessions, maxSessions: undefined } }, { requests: 10 })
    expect(cut.size).toBe(12)
  })

  it('is about as long as expected', () => {
    const agents = {
      probability: 0.5,
      children: { kind: 'uniform', min: 1, max: 3 },
      calls: { kind: 'geometric', mean: 2 },
      toolTimeSec: 1,
      newTokens: 10,
      context: 'own',
      promptTokens: 100,
      maxDepth: 2,
    } as const
    const clients: Partial<ClientSpec>[] = [
      {
        arrivals: { kind: 'gamma', cv: 1, stages: [{ durationSec: 9, rateRps: 0, toRateRps: 90 }] },
      },
      { arrivals: { kind: 'users', users: 30, rateRps: 20 } },
      {
        sessions: {
          turns: { kind: 'zipf', exponent: 1, max: 9 },
          newTokens: 5,
          maxPromptTokens: 1e9,
          agents,
        },
      },
    ]
    for (const client of clients) {
      const spec = { seed: 2, durationSec: 100, clients: [{ ...plain, ...client }] }
      const ratio = generateTrace(spec).size / expectedRequests(spec)
      expect(Math.abs(ratio - 1)).toBeLessThan(0.1)
    }
  })
})

test('at another rate: as many requests as that, shared among clients as before', () => {
  const sessions = { turns: 3, newTokens: 5, maxPromptTokens: 1e9, next: 'after_arrival' } as const
  const stages = [
    { durationSec: 100, rateRps: 2, toRateRps: 6 },
    { durationSec: 100, rateRps: 8 },
  ]
  const onOff = {
    onRateRps: 9,
    offRateRps: 1,
    onSec: 1,
    everySec: 4,
    lengths: 'exponential',
  } as const
  const diurnal = { peakRateRps: 5, troughRateRps: 1, periodSec: 50 }
  const spec: WorkloadSpec = {
    seed: 8,
    durationSec: 400,
    clients: [
      { ...plain, name: 'a', arrivals: { kind: 'gamma', cv: 2, stages }, sessions },
      { ...plain, name: 'b', arrivals: { kind: 'weibull', cv: 1.5, onOff } },
      { ...plain, name: 'c', arrivals: { kind: 'constant', diurnal } },
      { ...plain, name: 'd', arrivals: { kind: 'users', users: 9, rateRps: 3 } },
    ],
  }
  const fast = atRequestRate(spec, 90)
  expect(expectedRequests(fast) / 400).toBeCloseTo(90, 0)
  expect(Math.abs(generateTrace(fast).size / 400 / 90 - 1)).toBeLessThan(0.05)
  expect(atRequestRate(fast, 45).clients[2]!.arrivals.diurnal!.peakRateRps).toBeCloseTo(
    fast.clients[2]!.arrivals.diurnal!.peakRateRps / 2,
    9,
  )
  const closed = { ...plain, name: 'd', arrivals: { kind: 'users', users: 9 } } as const
  expect(() => atRequestRate({ ...spec, requests: 9, clients: [closed] }, 5)).toThrow(
    'clients[0].arrivals.kind: expected arrivals at a rate, got "users"',
  )
  expect(() => atRequestRate({ ...spec, durationSec: -1 }, 5)).toThrow(
    'durationSec: expected a number > 0, got -1',
  )
})

test.each([
  [0, 0],
  [{ kind: 'fixed', value: 0 }, 0],
  [{ kind: 'uniform', min: 0, max: 3 }, 0],
  [{ kind: 'empirical', values: [0, 9] }, 0],
  [1, 1],
  [{ kind: 'uniform', min: 1, max: 3 }, 1],
  [{ kind: 'exponential', mean: 1 }, 1],
  [{ kind: 'normal', mean: 1, std: 1 }, 1],
] as const)('of answers of %j tokens the shortest has %d', (outputTokens, least) => {
  expect(Math.min(...one({ outputTokens }).outputTokens)).toBe(least)
})

test('the prefix pool of a benchmark: one length, uneven groups, unique rests', () => {
  const table = one(
    {
      promptTokens: undefined,
      uniqueTokens: { kind: 'normal', mean: 7000, std: 1750 },
      prefixes: [{ count: 20, tokens: 7000 }],
      arrivals: { kind: 'at_once' },
    },
    { requests: 4000, durationSec: undefined },
  )
  expect(new Set(table.prefixTokens)).toEqual(new Set([7000]))
  const { mean, std } = moments(table.promptTokens)
  expect(Math.abs(mean - 14_000)).toBeLessThan(100)
  expect(Math.abs(std - 1750)).toBeLessThan(80)
  expect(table.prompts.size).toBe(20)
})

describe('what can not be', () => {
  it.each<[Partial<ClientSpec>, string]>([
    [{ promptTokens: 0 }, 'clients[0].promptTokens: expected a number >= 1, got 0'],
    [
      { uniqueTokens: 5 },
      'clients[0].promptTokens: expected either promptTokens or uniqueTokens, got both of them',
    ],
    [
      { outputTokens: { kind: 'zipf', exponent: 1 } },
      'clients[0].outputTokens.max: expected a value for zipf, got nothing',
    ],
    [
      { outputTokens: { kind: 'fixed', value: 1, std: 3 } },
      'clients[0].outputTokens.std: expected nothing, got it with fixed',
    ],
    [
      { outputTokens: { kind: 'normal', mean: Number.NaN, std: 3 } },
      'clients[0].outputTokens.mean: expected a number >= 0, got NaN',
    ],
    [
      { outputTokens: { kind: 'empirical', values: [] } },
      'clients[0].outputTokens.values: expected 1 to 2097152 numbers, got 0 of them',
    ],
    [
      { outputTokens: { kind: 'empirical', values: [1], weights: [0] } },
      'clients[0].outputTokens.weights: expected a number > 0, got 0',
    ],
    [
      { arrivals: { kind: 'gamma', rateRps: 1 } },
      'clients[0].arrivals.cv: expected a number > 0, got nothing',
    ],
    [
      { arrivals: { kind: 'poisson' } },
      'clients[0].arrivals.rateRps: expected one of rateRps, stages, onOff, diurnal, got none of them',
    ],
    [
      { arrivals: { kind: 'poisson', rateRps: 1, stages: [] } },
      'clients[0].arrivals.stages: expected one of rateRps, stages, onOff, diurnal, got rateRps and stages together',
    ],
    [
      { arrivals: { kind: 'at_once', rateRps: 1 } },
      'clients[0].arrivals.rateRps: expected nothing, got it with at_once',
    ],
    [
      { arrivals: { kind: 'at_once' } },
      'requests: expected a number of requests for clients[0].arrivals.kind at_once, got nothing',
    ],
    [
      { prefixes: [{ by: 'tenant', tokens: 5 }] },
      'clients[0].prefixes[0].by: expected a kind of name that requests have (tenants), got "tenant"',
    ],
    [
      { tenants: { count: 2, weights: [1] } },
      'clients[0].tenants.weights: expected 2 weights, one for each, got 1 of them',
    ],
    [
      { tenants: { count: 2, share: 0 } },
      'clients[0].tenants.share: expected a number > 0 and <= 1, got 0',
    ],
    [{ classes: [{ name: 'a', weight: 0 }] }, 'clients[0].classes: expected a number > 0, got 0'],
  ])('%o', (client, message) => {
    expect(() => one(client)).toThrow(
      expect.objectContaining({ code: 'generator_invalid', message }),
    )
  })

  it('clients without names, and nothing that says when it is enough', () => {
    expect(() => generateTrace({ seed: 1, durationSec: 1, clients: [plain, plain] })).toThrow(
      'clients[0].name: expected a name of its own, got nothing',
    )
    expect(() => generateTrace({ seed: 1, clients: [plain] })).toThrow(
      'durationSec: expected a duration, or a number of requests, got nothing',
    )
    expect(() => generateTrace({ seed: 1, durationSec: 1, clients: [] })).toThrow(
      'clients: expected',
    )
  })
})
