import type { RequestTable } from '@routesim/core'
import { describe, expect, it } from 'vitest'
import { analyzeTrace } from '../stats/analyze-trace.js'
import { BlockNumbering } from '../stats/block-numbering.js'
import { readText } from '../testing/in-memory.js'
import { absentColumns } from '../writing/lost-columns.js'
import { synthesizeTrace } from './synthesize-trace.js'

const BLOCK = 16

/** 400 requests in pairs every 100 ms: 4 shared blocks, 3 of their own, the last with 5 tokens. */
async function example(): Promise<RequestTable> {
  const lines = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({
      timestamp: Math.floor(i / 2) * 100,
      input_length: 6 * BLOCK + 5,
      output_length: 20,
      hash_ids: [0, 1, 2, 3, 4 + i * 3, 5 + i * 3, 6 + i * 3],
    }),
  )
  return (await readText(lines.join('\n'), { blockTokens: BLOCK })).table
}

/** How many prompts have each block that several have, from the most on. */
function sharedUses(table: RequestTable): number[] {
  const numbering = new BlockNumbering(table, BLOCK)
  const uses = new Map<number, number>()
  for (let row = 0; row < table.size; row++) {
    for (const block of numbering.blocksOf(row)) uses.set(block, (uses.get(block) ?? 0) + 1)
  }
  return [...uses.values()].filter((count) => count > 1).sort((a, b) => b - a)
}

const MODES = ['independent', 'in_order'] as const

describe.each(MODES)('a synthetic trace (%s)', (mode) => {
  const options = { blockTokens: BLOCK, mode }

  it('is like the example at neutral settings', async () => {
    const table = await example()
    const made = analyzeTrace(synthesizeTrace(table, options), options)
    const given = analyzeTrace(table, options)
    expect(made.inputLength).toEqual(given.inputLength)
    expect(made.outputLength).toEqual(given.outputLength)
    expect(made.blockHitRate).toBe(given.blockHitRate)
    expect(made.prefixes.distinctBlocks).toBe(given.prefixes.distinctBlocks)
    expect(made.arrivals.distinctTimes).toBe(200)
  })

  it('divides gaps by the speed-up', async () => {
    const { arrivals } = analyzeTrace(
      synthesizeTrace(await example(), { ...options, speedupRatio: 4 }),
    )
    expect(arrivals.spanMs).toBe((199 * 100) / 4)
  })

  it.each([
    [2, 8],
    [1.5, 8],
    [0.5, 2],
    [0.01, 1],
  ])('prefix_len_multiplier %f: shared parts of %i blocks', async (prefixLenMultiplier, blocks) => {
    const made = analyzeTrace(
      synthesizeTrace(await example(), { ...options, prefixLenMultiplier }),
      options,
    )
    expect(made.contextLength.max).toBe(blocks * BLOCK)
    expect(made.inputLength.max).toBe((blocks + 2) * BLOCK + 5)
  })

  it('prefix_root_multiplier 4 quarters sharing', async () => {
    const made = synthesizeTrace(await example(), { ...options, prefixRootMultiplier: 4 })
    const { prefixes } = analyzeTrace(made, options)
    expect(prefixes.groups).toBe(4)
    for (const size of prefixes.largestGroups) expect(Math.abs(size - 100)).toBeLessThan(30)
    expect(prefixes.distinctBlocks).toBe(4 * 4 + 400 * 3)
  })

  it('prefix_root_multiplier 4 quarters the uses of every shared block', async () => {
    // Of every 8 requests all share 2 blocks, 4 two more, and 2 another one.
    const lines = Array.from({ length: 1600 }, (_, i) =>
      JSON.stringify({
        timestamp: i,
        input_length: 6 * BLOCK,
        output_length: 20,
        hash_ids: [0, 1, ...(i % 2 ? [2, 3, ...(i % 8 < 4 ? [4] : [])] : []), 5 + i],
      }),
    )
    const { table } = await readText(lines.join('\n'), { blockTokens: BLOCK })
    const usesAt = (factor: number): number[] =>
      sharedUses(synthesizeTrace(table, { ...options, prefixRootMultiplier: factor }))
    const once = usesAt(1)
    expect(once).toEqual([1600, 1600, 800, 800, 400])
    const copies = usesAt(4)
    expect(copies).toHaveLength(4 * once.length)
    expect(copies.reduce((sum, uses) => sum + uses)).toBe(1600 + 1600 + 800 + 800 + 400)
    once.forEach((uses, i) => {
      // Binomial, at four deviations.
      const slack = 4 * Math.sqrt((uses * 3) / 16)
      for (const copy of copies.slice(4 * i, 4 * i + 4)) {
        expect(Math.abs(copy - uses / 4)).toBeLessThan(slack)
      }
    })
  })

  it.each([
    [2, 6],
    [0.5, 2],
    [0.1, 1],
  ])(
    'prompt_len_multiplier %f: private parts of %i blocks',
    async (promptLenMultiplier, blocks) => {
      const made = analyzeTrace(
        synthesizeTrace(await example(), { ...options, promptLenMultiplier }),
      )
      expect(made.inputLength).toMatchObject({
        min: (3 + blocks) * BLOCK + 5,
        max: (3 + blocks) * BLOCK + 5,
      })
    },
  )

  it('some prompts are all shared, the others go on as long as in the trace', async () => {
    const lines = Array.from({ length: 200 }, (_, i) =>
      JSON.stringify({
        timestamp: i,
        ...{ input_length: (i % 2 ? 7 : 4) * BLOCK, output_length: 20 },
        hash_ids: [0, 1, 2, 3, ...(i % 2 ? [4 + 3 * i, 5 + 3 * i, 6 + 3 * i] : [])],
      }),
    )
    const { table } = await readText(lines.join('\n'), { blockTokens: BLOCK })
    const lengths = [...synthesizeTrace(table, options).promptTokens].sort((a, b) => a - b)
    expect(lengths).toEqual([...new Array(100).fill(4 * BLOCK), ...new Array(100).fill(7 * BLOCK)])
  })

  it('osl_multiplier scales outputs; limits clip them', async () => {
    const table = await example()
    const longest = (more: object) =>
      analyzeTrace(synthesizeTrace(table, { ...options, ...more })).outputLength.max
    expect(longest({ oslMultiplier: 1.5 })).toBe(30)
    expect(longest({ maxOsl: 7 })).toBe(7)
    expect(longest({ minOsl: 70 })).toBe(70)
  })

  it('makes as many as asked, the same for a seed', async () => {
    const table = await example()
    const make = (seed: number) =>
      synthesizeTrace(table, { ...options, numRequests: 1000, seed, prefixRootMultiplier: 2 })
    expect(make(1).size).toBe(1000)
    expect(make(1)).toEqual(make(1))
    expect(make(1)).not.toEqual(make(2))
  })

  it('draws prompts again that are not within limits, not for ever', async () => {
    const lines = [
      '{"timestamp":0,"input_length":16,"output_length":1,"hash_ids":[1]}',
      '{"timestamp":1,"input_length":64,"output_length":1,"hash_ids":[2,3,4,5]}',
    ]
    const { table } = await readText(lines.join('\n'), { blockTokens: BLOCK })
    const made = synthesizeTrace(table, { ...options, numRequests: 50, maxIsl: 40 })
    expect(made.size).toBe(50)
    expect(Math.max(...made.promptTokens)).toBe(16)
    expect(() => synthesizeTrace(table, { ...options, minIsl: 1000 })).toThrow(
      'maxIsl: expected limits that some prompts keep',
    )
  })
})

it('follows the time of reuse in order, which independent draws lose', async () => {
  // Every prompt comes twice in a row, and then never again.
  const lines = Array.from({ length: 600 }, (_, i) =>
    JSON.stringify({
      timestamp: i,
      input_length: 32,
      output_length: i,
      hash_ids: [i - (i % 2), 10_000 + i - (i % 2)],
    }),
  )
  const { table } = await readText(lines.join('\n'), { blockTokens: BLOCK })
  const distance = (mode: (typeof MODES)[number]) =>
    analyzeTrace(synthesizeTrace(table, { mode, blockTokens: BLOCK }), { blockTokens: BLOCK })
      .prefixes.reuseDistance.median
  expect(distance('in_order')).toBeLessThan(4)
  expect(distance('independent')).toBeGreaterThan(50)
})

it.each([
  [{ speedupRatio: 0 }, 'speedupRatio: expected a number > 0'],
  [{ prefixRootMultiplier: 1.5 }, 'prefixRootMultiplier: expected an integer >= 1, got 1.5'],
  [{ minIsl: 5, maxIsl: 4 }, 'minIsl: expected at most maxIsl, 4, got 5'],
])('refuses %o', async (options, message) => {
  const table = await example()
  expect(() => synthesizeTrace(table, options)).toThrow(message)
})

it('what new requests lack of those before is told', async () => {
  const line = (i: number, more: object): string =>
    JSON.stringify({ ts: i * 100, prompt_tokens: 50, gen_tokens: 5, ...more })
  const { table } = await readText(
    [
      line(0, { tenant: 'a', conversation_id: 's', priority: 2, max_tokens: 9 }),
      line(1, { user: 'u', model: 'm', lora_adapter: 'l' }),
      line(2, { deadline_ms: 900, ttft_ms: 90, slo_class: 'fast' }),
    ].join('\n'),
  )
  const made = synthesizeTrace(table)
  expect(absentColumns(table, made).sort()).toEqual(
    [
      ...['adapter', 'deadlineMs', 'maxTokens', 'model', 'priority', 'session'],
      ...['sloClass', 'tenant', 'ttftSloMs', 'user'],
    ].sort(),
  )
  expect(absentColumns(table, table)).toEqual([])
  expect(absentColumns(made, made)).toEqual([])
})
