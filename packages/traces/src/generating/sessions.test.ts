import { awaitedBy, type RequestTable } from '@routesim/core'
import { describe, expect, it } from 'vitest'
import { editTrace } from '../editing/edit-trace.js'
import { mergeTraces } from '../editing/merge-traces.js'
import { promptSharing } from '../stats/prompt-sharing.js'
import { readText } from '../testing/in-memory.js'
import { formatTrace } from '../writing/write-trace.js'
import type { ArrivalsSpec } from './arrivals-spec.js'
import { generateTrace } from './generate-trace.js'
import type { AgentsSpec, ClientSpec, SessionsSpec } from './workload-spec.js'

const sessions: SessionsSpec = {
  turns: { kind: 'uniform', min: 1, max: 6 },
  newTokens: { kind: 'uniform', min: 10, max: 90 },
  thinkTimeSec: { kind: 'exponential', mean: 8 },
  maxPromptTokens: 100_000,
}

function make(own: Partial<SessionsSpec>, arrivals?: ClientSpec['arrivals']): RequestTable {
  const client: ClientSpec = {
    arrivals: arrivals ?? { kind: 'poisson', rateRps: 5 },
    promptTokens: { kind: 'uniform', min: 100, max: 900 },
    outputTokens: { kind: 'uniform', min: 5, max: 50 },
    sessions: { ...sessions, ...own },
  }
  return generateTrace({ seed: 9, durationSec: 120, requests: 2000, clients: [client] })
}

const nameOf = (table: RequestTable, row: number): string => table.strings[table.session[row]!]!

/** Rows by session. */
function turnsOf(table: RequestTable): Map<string, number[]> {
  const turns = new Map<string, number[]>()
  for (let row = 0; row < table.size; row++) {
    const name = nameOf(table, row)
    turns.set(name, [...(turns.get(name) ?? []), row])
  }
  return turns
}

describe('turns', () => {
  it('wait for the answer before, and repeat it', () => {
    const table = make({})
    const { sharedTokens } = promptSharing(table)
    for (const rows of turnsOf(table).values()) {
      rows.forEach((row, i) => {
        const before = rows[i - 1] ?? -1
        expect(table.predecessor![row]).toBe(before)
        if (before < 0) return
        const whole = table.promptTokens[before]! + table.outputTokens[before]!
        expect(sharedTokens[row]).toBe(whole)
        const added = table.promptTokens[row]! - whole
        expect(added).toBeGreaterThanOrEqual(10)
        expect(added).toBeLessThanOrEqual(90)
        expect(table.thinkMs![row]).toBeGreaterThan(0)
      })
    }
  })

  it('on a schedule: not before the answer, and not after a think time of their own', () => {
    const table = make({ next: 'on_schedule', thinkTimeSec: 4 })
    for (const rows of turnsOf(table).values()) {
      rows.forEach((row, i) => {
        if (i === 0) return
        expect(table.predecessor![row]).toBe(rows[i - 1])
        expect(table.thinkMs![row]).toBe(0)
        expect(table.arrivalMs[row]! - table.arrivalMs[rows[i - 1]!]!).toBeCloseTo(4000, 6)
      })
    }
    expect(make({ next: 'after_arrival' }).predecessor).toBeUndefined()
  })
})

describe('users', () => {
  it('send one conversation after another, each request after the answer before', () => {
    const table = make({ thinkTimeSec: 1 }, { kind: 'users', users: 7 })
    expect(table.size).toBeGreaterThanOrEqual(2000)
    const followers = new Array<number>(table.size).fill(0)
    table.predecessor!.forEach((before) => {
      if (before >= 0) followers[before]!++
    })
    // Seven chains of requests, and nothing beside them: so there are never more than seven in flight.
    expect(table.predecessor!.filter((before) => before < 0)).toHaveLength(7)
    expect(Math.max(...followers)).toBe(1)
    expect(turnsOf(table).size).toBeGreaterThan(400)
  })

  it('go on with the next conversation however the last one ended', async () => {
    const table = make({ thinkTimeSec: 1 }, { kind: 'users', users: 7 })
    const { predecessor, session, anyEnd } = table
    predecessor!.forEach((before, row) => {
      const isNext = before >= 0 && session[before] !== session[row]
      expect(anyEnd![row]).toBe(isNext ? 1 : 0)
    })
    const { table: read } = await readText(formatTrace(table, 'compact_jsonl'))
    expect(read.anyEnd).toEqual(anyEnd)
    // Three of them, one after another, with another trace beside them.
    const merged = mergeTraces([editTrace(table, { fromMs: 0, head: 300 }), table])
    expect(merged.anyEnd!.reduce((sum, each) => sum + each)).toBe(
      anyEnd!.reduce((sum, each) => sum + each) +
        anyEnd!.subarray(0, 300).reduce((sum, each) => sum + each),
    )
  })

  it('at a rate: a turn of each every users / rate seconds', () => {
    const arrivals: ArrivalsSpec = { kind: 'users', users: 40, rateRps: 8 }
    const table = make({ thinkTimeSec: undefined, turns: 3 }, arrivals)
    expect(Math.abs(table.size - 960)).toBeLessThanOrEqual(2 * 40)
    for (let row = 0; row < table.size; row++) {
      const before = table.predecessor![row]!
      if (before < 0) continue
      expect(table.arrivalMs[row]! - table.arrivalMs[before]!).toBeCloseTo(5000, 6)
      expect(table.thinkMs![row]).toBe(0)
    }
  })
})

describe('agents', () => {
  const agents: AgentsSpec = {
    probability: 0.5,
    children: { kind: 'uniform', min: 1, max: 3 },
    calls: { kind: 'uniform', min: 1, max: 4 },
    toolTimeSec: { kind: 'exponential', mean: 2 },
    newTokens: { kind: 'uniform', min: 100, max: 200 },
    context: 'own',
    promptTokens: 700,
    sharedTokens: 300,
    maxDepth: 2,
  }
  const depthOf = (name: string): number => name.split('/').length - 1

  it('are set off by a call, and the next turn waits for all of them', () => {
    const table = make({ agents, turns: 5 })
    const turns = turnsOf(table)
    const children = [...turns.keys()].filter((name) => depthOf(name) > 0)
    expect(children.length).toBeGreaterThan(50)
    let joins = 0
    let several = 0
    for (const [name, rows] of turns) {
      rows.forEach((row, i) => {
        const before = table.predecessor![row]!
        if (depthOf(name) === 0 && i === 0) expect(before).toBe(-1)
        else expect(table.arrivalMs[before]).toBeLessThanOrEqual(table.arrivalMs[row]!)
        if (i > 0 && before !== rows[i - 1]) {
          // It waits for the last call of each agent that the turn before set off, and of no other.
          const setOff = [...turns].filter(
            ([agent, [first]]) => agent !== name && table.predecessor![first!] === rows[i - 1],
          )
          const lasts = setOff.map(([, calls]) => calls.at(-1)!)
          expect(awaitedBy(table, row).sort((a, b) => a - b)).toEqual(lasts.sort((a, b) => a - b))
          joins++
          if (lasts.length > 1) several++
        }
      })
    }
    expect(joins).toBeGreaterThan(50)
    expect(several).toBeGreaterThan(20)
  })

  it('of their own context share what all agents begin with, of the parent`s what was said', () => {
    const own = make({ agents, turns: 4 })
    const shared = promptSharing(own).sharedTokens
    const firsts = [...turnsOf(own)].filter(([name]) => depthOf(name) > 0).map(([, [row]]) => row!)
    expect(new Set(firsts.slice(1).map((row) => shared[row]))).toEqual(new Set([300]))
    expect(new Set(firsts.map((row) => own.promptTokens[row]))).toEqual(new Set([1000]))

    const { promptTokens: _, sharedTokens: __, ...rest } = agents
    const inherited = make({ agents: { ...rest, context: 'parent', maxDepth: 1 }, turns: 4 })
    const { sharedTokens } = promptSharing(inherited)
    let seen = 0
    for (const [name, [row]] of turnsOf(inherited)) {
      if (depthOf(name) === 0) continue
      const parent = inherited.predecessor![row!]!
      const whole = inherited.promptTokens[parent]! + inherited.outputTokens[parent]!
      expect(sharedTokens[row!]).toBe(whole)
      seen++
    }
    expect(seen).toBeGreaterThan(50)
  })

  it('do not go deeper than asked', () => {
    const table = make({ agents: { ...agents, probability: 1 }, turns: 4 })
    expect(Math.max(...[...turnsOf(table).keys()].map(depthOf))).toBe(2)
    const shallow = make({ agents: { ...agents, probability: 1, maxDepth: 1 }, turns: 4 })
    expect(table.size / turnsOf(table).size).not.toBe(shallow.size / turnsOf(shallow).size)
    for (const [name, [first]] of turnsOf(shallow)) {
      if (depthOf(name) === 0) continue
      expect(depthOf(nameOf(shallow, shallow.predecessor![first!]!))).toBe(0)
    }
  })
})

describe('what can not be', () => {
  it.each<[Partial<SessionsSpec>, ArrivalsSpec, string]>([
    [
      { turns: 0.5 },
      { kind: 'poisson', rateRps: 1 },
      'clients[0].sessions.turns: expected a number >= 1, got 0.5',
    ],
    [
      {},
      { kind: 'users', users: 3, rateRps: 1 },
      'clients[0].sessions.thinkTimeSec: expected nothing, got it with users at a rate',
    ],
    [
      { next: 'after_arrival' },
      { kind: 'users', users: 3 },
      'clients[0].sessions.next: expected nothing, got after_arrival with users',
    ],
    [
      {},
      { kind: 'users' },
      'clients[0].arrivals.users: expected an integer from 1 to 1000000, got nothing',
    ],
  ])('%o with %o', (own, arrivals, message) => {
    expect(() => make(own, arrivals)).toThrow(message)
  })
})
