import { awaitedBy, type RequestTable } from '@routesim/core'
import { describe, expect, it } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { promptSharing } from '../stats/prompt-sharing.js'
import { messageOf, readText, rows } from '../testing/in-memory.js'
import { encodeTrace } from '../writing/encode-trace.js'
import { formatTrace } from '../writing/write-trace.js'

describe('agentic sessions', () => {
  const session = (id: string, requests: unknown[], scope = 'local') =>
    JSON.stringify({ id, block_size: 64, hash_id_scope: scope, requests })

  it('make each call wait for the one before, and know ids in their session only', async () => {
    const call = { type: 'n', out: 10 }
    const text = [
      session('a', [
        { ...call, t: 0, in: 130, api_time: 2, hash_ranges: [[1, 2]] },
        { ...call, t: 10, in: 200, think_time: 5, hash_ranges: [[1, 3]] },
        {
          t: 11,
          type: 'subagent',
          agent_id: 'x',
          requests: [{ ...call, t: 12, in: 64, hash_ranges: [[7, 7]] }],
        },
        { ...call, t: 20, in: 200, think_time: 1, hash_ranges: [[1, 3]] },
      ]),
      session('b', [{ ...call, t: 0, in: 130, hash_ranges: [[1, 2]] }]),
    ].join('\n')
    const read = await readText(text)
    expect(read.format).toBe('agentic')
    const { table } = read
    expect(rows(read)).toEqual([
      [0, 130, 10, 'a'],
      [0, 130, 10, 'b'],
      [5000, 200, 10, 'a'],
      [6000, 200, 10, 'a'],
      [7000, 64, 10, 'a/x'],
    ])
    expect([...table.predecessor!]).toEqual([-1, -1, 0, 2, 2])
    expect([...table.thinkMs!]).toEqual([0, 0, 5000, 1000, 2000])
    expect(table.promptNode[0]).not.toBe(table.promptNode[1])
    expect(table.promptNode[2]).toBe(table.promptNode[3])
  })

  it('share contents with others whose ids are global, if theirs are', async () => {
    type Session = [scope: string, ids: number[]]
    const holders = async (...sessions: Session[]) => {
      const lines = sessions.map(([scope, ids], i) =>
        session(`${i}`, [{ t: 0, in: 128, out: 1, hash_ids: ids }], scope),
      )
      const { table } = await readText(lines.join('\n'))
      return [...promptSharing(table).sharedWith]
    }
    const ours: Session = ['global', [0, 1]]
    const own: Session = ['local', [0, 1]]
    expect(await holders(ours, own, ours, own, ours)).toEqual([-1, -1, 0, -1, 0])
    expect(await holders(own, ours, own, ours)).toEqual([-1, -1, -1, 1])
    expect(await holders(['global', [5, 6]], ['global', [0]], ['local', [4, 5]])).toEqual([
      -1, -1, -1,
    ])
  })

  it('make a call wait for the agents that had ended when it was sent, and for those it names', async () => {
    const call = { type: 'n', in: 10, out: 10, api_time: 1 }
    const agent = (name: string, t: number, seconds: number) => ({
      t,
      type: 'subagent',
      agent_id: name,
      requests: [{ ...call, t: 0, think_time: 0, api_time: seconds }],
    })
    const text = session('a', [
      { ...call, t: 0 },
      agent('x', 3, 4),
      agent('y', 4, 9),
      agent('z', 5, 1),
      { ...call, t: 10, think_time: 9 },
      { ...call, t: 12, think_time: 1, waits_for: ['y'] },
    ])
    const { table } = await readText(text)
    expect(table.strings).toEqual(['a', 'a/x', 'a/y', 'a/z'])
    const waits = (row: number) => [awaitedBy(table, row).sort(), table.thinkMs![row]]
    // Rows are in order of arrival: the call, x, y, z, then the one that x and z had ended before.
    expect([1, 2, 3, 4, 5].map(waits)).toEqual([
      [[0], 2000],
      [[0], 3000],
      [[0], 4000],
      [[1, 3], 3000],
      [[2, 4], 1000],
    ])
    const wrong = session('a', [
      { ...call, t: 0 },
      { ...call, t: 1, waits_for: ['q'] },
    ])
    expect(await messageOf(readText(wrong))).toContain('waits_for: expected agents set off before')
  })

  it('come back with their agents, as a generator makes them', async () => {
    const table = generateTrace({
      seed: 5,
      requests: 2000,
      clients: [
        {
          arrivals: { kind: 'poisson', rateRps: 2 },
          promptTokens: 400,
          outputTokens: 50,
          sessions: {
            turns: { kind: 'geometric', mean: 5 },
            newTokens: 60,
            thinkTimeSec: { kind: 'exponential', mean: 3 },
            maxPromptTokens: 20_000,
            agents: {
              probability: 0.5,
              children: { kind: 'uniform', min: 1, max: 4 },
              calls: { kind: 'uniform', min: 1, max: 4 },
              toolTimeSec: { kind: 'exponential', mean: 2 },
              newTokens: 70,
              context: 'own',
              promptTokens: 700,
              sharedTokens: 300,
              maxDepth: 2,
            },
          },
        },
      ],
    })
    expect(table.joinRow!.length).toBeGreaterThan(50)
    const { lost } = encodeTrace(table, 'agentic', { blockTokens: 16 })
    expect(lost).not.toContain('joins')
    expect(lost).not.toContain('predecessor')
    const { table: back } = await readText(formatTrace(table, 'agentic', { blockTokens: 16 }))
    const edges = (of: RequestTable) =>
      Array.from({ length: of.size }, (_, row) => {
        const name = (each: number) => `${of.strings[of.session[each]!]} ${of.promptTokens[each]}`
        return `${name(row)} after ${awaitedBy(of, row).map(name).sort()}`
      }).sort()
    expect(edges(back)).toEqual(edges(table))
  })

  it('come back from what is written of them', async () => {
    const read = await readText(
      session('a', [
        { t: 0, in: 130, out: 1, hash_ranges: [[1, 2]] },
        { t: 10, in: 200, out: 2, think_time: 5, hash_ranges: [[1, 3]] },
      ]),
    )
    const text = formatTrace(read.table, 'agentic', { blockTokens: 64 })
    expect((await readText(text)).table).toEqual(read.table)
  })

  it('say which call is wrong', async () => {
    const text = session('a', [
      { t: 0, in: 130, out: 1 },
      { t: -1, in: 1, out: 1 },
    ])
    expect(await messageOf(readText(text))).toBe(
      't.jsonl:1: request 2: t: expected a number of seconds from 0 to 2^43, got -1',
    )
  })

  it.each([
    [{ hash_ranges: 3 }, 'hash_ranges: expected an array, got 3'],
    [{ hash_ranges: [[1, 2, 3]] }, 'hash_ranges: expected pairs of first and last id, got'],
    [{ hash_ranges: [[2, 1]] }, 'hash_ranges: expected an integer >= 2, got 1'],
    [{ hash_ids: 'a' }, 'hash_ids: expected an array, got'],
    [{ hash_ids: [-1] }, 'hash_ids: expected an integer >= 0, got -1'],
  ])('say what is wrong with blocks: %j', async (blocks, message) => {
    const text = session('a', [{ t: 0, in: 130, out: 1, ...blocks }])
    expect(await messageOf(readText(text))).toContain(`t.jsonl:1: request 1: ${message}`)
  })
})
