import { NO_NODE, type RequestTable, RequestTableBuilder } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { generateTrace } from '../generating/generate-trace.js'
import { promptSharing } from '../stats/prompt-sharing.js'
import { readText, writeText } from '../testing/in-memory.js'
import { lostColumns } from './lost-columns.js'
import { formatTrace } from './write-trace.js'

const name = fc.option(
  fc.oneof(fc.constantFrom('a', 'b', '', 'a\r\nb'), fc.string({ unit: 'grapheme' })),
  {
    nil: undefined,
  },
)
const few = fc.constantFrom('x', 'y', undefined)

const compactLine = fc.record({
  ts: fc.oneof(fc.nat(50), fc.double({ min: 0, max: 1e12, noNaN: true })),
  prompt_tokens: fc.integer({ min: 1, max: 90 }),
  gen_tokens: fc.nat(40),
  prefix_hash: few,
  prefix_len: fc.option(fc.nat(60), { nil: undefined }),
  conversation_id: few,
  lora_adapter: name,
  priority: fc.constantFrom(undefined, 0, 5, -1),
  max_tokens: fc.constantFrom(undefined, 0, 50),
  user: name,
  tenant: name,
  model: name,
  slo_class: few,
  ttft_ms: fc.constantFrom(undefined, undefined, 1, 500),
  deadline_ms: fc.option(fc.nat(5000), { nil: undefined }),
  think_ms: fc.constantFrom(undefined, undefined, 0, 12.5),
  any_end: fc.constantFrom(undefined, false, true),
  after: fc.array(fc.nat(11), { maxLength: 3 }),
})

const compactTrace = fc
  .array(compactLine, { minLength: 1, maxLength: 12 })
  .map((lines) => {
    const begun = new Set<string>()
    return lines.map(({ think_ms, any_end, ts, after, ...line }, i) => {
      const { conversation_id: session } = line
      const earlier = after.filter((other) => other < i).map((other) => `r${other}`)
      const hasBegun = session !== undefined && begun.has(session)
      if (session !== undefined) begun.add(session)
      const named = { id: `r${i}`, ...line }
      if (think_ms === undefined) return JSON.stringify({ ts, ...named })
      const waits = { think_ms, any_end, ...named }
      if (earlier.length > 0) return JSON.stringify({ after: earlier, ...waits })
      return JSON.stringify(hasBegun ? waits : { ts, ...named })
    })
  })
  .map((lines) => lines.join('\n'))

/** Tables of any shape that the builder allows, not only those that a reader makes. */
const anyTable = fc
  .array(
    fc.tuple(
      fc.nat(1e4),
      few,
      fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 3 })), { maxLength: 4 }),
      fc.nat(10),
      fc.nat(20),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((rows) => {
    const builder = new RequestTableBuilder()
    for (const [arrivalMs, session, path, extra, prefixTokens] of rows) {
      let node = NO_NODE
      for (const [key, length] of path) {
        node = builder.prompts.stream(node, key, builder.prompts.endTokens(node) + length)
      }
      const promptTokens = 1 + extra
      const outputTokens = Math.max(0, builder.prompts.endTokens(node) - promptTokens)
      const record = { arrivalMs, promptTokens, outputTokens, promptNode: node, prefixTokens }
      builder.add(session === undefined ? record : { ...record, session })
    }
    return builder.build()
  })

function expectSame(back: RequestTable, table: RequestTable): void {
  expect(lostColumns(table, back)).toEqual([])
  expect(promptSharing(back)).toEqual(promptSharing(table))
}

describe('compact JSONL', () => {
  it('gives a trace back exactly, the names of its prefixes too', async () => {
    await fc.assert(
      fc.asyncProperty(compactTrace, async (text) => {
        const { table, prefixHashes } = await readText(text)
        const written = formatTrace(table, 'compact_jsonl', { prefixHashes })
        const back = await readText(written)
        expectSame(back.table, table)
        expect(back.prefixHashes).toEqual(prefixHashes)
        const again = formatTrace(back.table, 'jsonl', { prefixHashes: back.prefixHashes })
        expectSame((await readText(again)).table, table)
      }),
      { numRuns: 400 },
    )
  })

  it('gives any table back, whatever shape its prompts and conversations have', async () => {
    await fc.assert(
      fc.asyncProperty(anyTable, async (table) => {
        expectSame((await readText(formatTrace(table, 'compact_jsonl'))).table, table)
      }),
      { numRuns: 400 },
    )
  })

  it('gives independent turns back as independent', async () => {
    await fc.assert(
      fc.asyncProperty(compactTrace, async (text) => {
        const { table, prefixHashes } = await readText(text, { sessionPrompts: 'independent' })
        const back = await readText(formatTrace(table, 'compact_jsonl', { prefixHashes }))
        expectSame(back.table, table)
        expect(back.prefixHashes).toEqual(prefixHashes)
      }),
      { numRuns: 200 },
    )
  })

  it('keeps the text of a file in canonical form', async () => {
    const text =
      '{"ts":0,"prompt_tokens":90,"gen_tokens":4,"prefix_hash":"abc","prefix_len":40}\n' +
      '{"ts":0.25,"prompt_tokens":50,"gen_tokens":4,"prefix_hash":"abc","conversation_id":"c"}\n'
    const { table, prefixHashes } = await readText(text)
    const lines = formatTrace(table, 'compact_jsonl', { prefixHashes }).split('\n')
    expect(lines.map((line) => line && JSON.parse(line))).toEqual(
      text.split('\n').map((line) => line && JSON.parse(line)),
    )
  })

  it.each([
    { turnsMean: 4, thinkTimeMeanSec: 1 },
    { numPrefixes: 0 },
    { prefixLenStd: 100, prefixPopularity: 'zipf' as const },
    { turnsMean: 3, prefixLenMean: 2000 },
  ])('gives a generated trace back as the same table: %o', async (options) => {
    const table = generateTrace({ rateRps: 20, durationSec: 10, ...options })
    expect((await readText(formatTrace(table, 'compact_jsonl'))).table).toEqual(table)
  })
})

describe('Mooncake JSONL', () => {
  it('passes through compact JSONL without losing a block', async () => {
    const line = (timestamp: number, input_length: number, hash_ids: number[]): string =>
      JSON.stringify({ timestamp, input_length, output_length: 2, hash_ids, session_id: 's' })
    const text = [
      line(0, 190, [3, 1, 4]),
      line(1, 192, [3, 1, 5]),
      line(2, 200, [3, 1, 5, 9]),
    ].join('\n')
    const { table } = await readText(text, { blockTokens: 64 })
    const written = formatTrace(table, 'compact_jsonl')
    expect(written.split('\n')[1]).toContain('"hash_ids":[0,1,3],"block_size":64')
    const compact = await readText(written)
    expectSame(compact.table, table)
    const back = formatTrace(compact.table, 'mooncake', { blockTokens: 64 })
    expectSame((await readText(back, { blockTokens: 64 })).table, table)
    expect(back.split('\n')[1]).toContain('"hash_ids":[0,1,3]')
  })
})

describe('hashed blocks', () => {
  const path = fc.tuple(
    fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
    fc.constantFrom(0, 0, 7),
  )
  const paths = fc.array(path, { minLength: 1, maxLength: 20 })

  it('come back from compact and from Mooncake JSONL with the same tree', async () => {
    await fc.assert(
      fc.asyncProperty(paths, async (all) => {
        const lines = all.map(([hash_ids, missing], i) =>
          JSON.stringify({
            timestamp: i,
            input_length: hash_ids.length * 32 - missing,
            output_length: 1,
            hash_ids,
          }),
        )
        const options = { blockTokens: 32, onError: 'skip' } as const
        const { table } = await readText(lines.join('\n'), options)
        const compact = await readText(formatTrace(table, 'compact_jsonl'))
        expectSame(compact.table, table)
        const text = formatTrace(compact.table, 'mooncake', { blockTokens: 32 })
        const back = await readText(text, options)
        expect(back.table).toEqual(table)
        expect(formatTrace(back.table, 'mooncake', { blockTokens: 32 })).toBe(text)
      }),
      { numRuns: 300 },
    )
  })
})

describe.each(['mooncake', 'otel', 'azure', 'csv', 'burstgpt', 'blis', 'bailian'] as const)(
  '%s',
  (format) => {
    it('loses exactly the columns it names', async () => {
      await fc.assert(
        fc.asyncProperty(compactTrace, async (text) => {
          const { table, prefixHashes } = await readText(text)
          const { text: written, lost } = await writeText(table, format, prefixHashes)
          const back = await readText(written, { blockTokens: 16 })
          const differing = lostColumns(table, back.table)
          expect([...lost].filter((column) => column !== 'prefix_hash')).toEqual(differing)
        }),
        { numRuns: 300 },
      )
    })
  },
)
