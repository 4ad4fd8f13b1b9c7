import { shareTable } from '@routesim/core'
import { describe, expect, it, test } from 'vitest'
import { editTrace } from '../editing/edit-trace.js'
import { mergeTraces, repeatTrace } from '../editing/merge-traces.js'
import { fitErrors } from '../fitting/fit-error.js'
import { analyzeTrace } from '../stats/analyze-trace.js'
import { lostSharingNote } from '../stats/lost-sharing-note.js'
import { traceStats } from '../stats/trace-stats.js'
import { synthesizeTrace } from '../synthesis/synthesize-trace.js'
import { readText } from '../testing/in-memory.js'
import { formatTrace } from '../writing/write-trace.js'

const PROMPT = 611
const SHARED = 448
const IDS = { 16: 39, 64: 10 } as const

/** Ten prompts of 611 tokens, which share 448. */
const idsOf = (blockTokens: 16 | 64, row: number): number[] =>
  Array.from({ length: IDS[blockTokens] }, (_, i) =>
    i < SHARED / blockTokens ? i : 1000 * (row + 1) + i,
  )
const linesOf = (line: (row: number) => object): string =>
  Array.from({ length: 10 }, (_, row) => JSON.stringify(line(row))).join('\n')

const compact = (blockTokens: 16 | 64): string =>
  linesOf((row) => ({
    ...{ ts: row * 100, prompt_tokens: PROMPT, gen_tokens: 5 },
    ...{ hash_ids: idsOf(blockTokens, row), block_size: blockTokens },
  }))
const lengths = { input_length: PROMPT, output_length: 5 }
const TRACES = {
  'compact JSONL': compact(16),
  Mooncake: linesOf((row) => ({
    ...{ timestamp: row * 100, ...lengths },
    ...{ hash_ids: idsOf(16, row), block_size: 16 },
  })),
  Bailian: linesOf((row) => ({
    ...{ chat_id: row, parent_chat_id: -1, timestamp: row, ...lengths },
    hash_ids: idsOf(16, row),
  })),
  'agentic sessions': linesOf((row) => ({
    ...{ id: `s${row}`, block_size: 16, hash_id_scope: 'global' },
    requests: [{ t: 0, in: PROMPT, out: 5, hash_ids: idsOf(16, row).slice(0, -1) }],
  })),
} as const

/** Of all requests but the first, the shared part. */
const hitRate = (requests: number): number => (SHARED * (requests - 1)) / (PROMPT * requests)
const HIT_RATE = hitRate(10)

describe.each(Object.entries(TRACES))('%s of blocks of 16 tokens', (_, text) => {
  it('is counted, fitted and synthesized in them', async () => {
    const { table } = await readText(text)
    expect(traceStats(table).blockTokens).toBe(16)
    expect(analyzeTrace(table)).toMatchObject({ blockTokens: 16, tokenHitRate: HIT_RATE })
    const ofTokens = fitErrors(table, table).find(({ statistic }) => statistic.includes('tokens'))
    expect(ofTokens).toMatchObject({ trace: HIT_RATE, fit: HIT_RATE })
    for (const mode of ['independent', 'in_order'] as const) {
      const made = synthesizeTrace(table, { mode, oslMultiplier: 2 })
      expect(analyzeTrace(made)).toMatchObject({ blockTokens: 16, tokenHitRate: HIT_RATE })
    }
  })

  it.each(['mooncake', 'bailian', 'compact_jsonl', 'agentic'])(
    'keeps them when it is edited and written as %s',
    async (format) => {
      const table = repeatTrace(editTrace((await readText(text)).table, { head: 5 }), 1)
      const back = await readText(formatTrace(table, format))
      expect(analyzeTrace(back.table)).toMatchObject({ blockTokens: 16, tokenHitRate: hitRate(5) })
    },
  )
})

test('a size that is asked for goes before that of the trace, and is said in what is written', async () => {
  const { table } = await readText(compact(16))
  for (const format of ['mooncake', 'bailian', 'agentic']) {
    const made = synthesizeTrace(table, { blockTokens: 64 })
    const back = await readText(formatTrace(made, format, { blockTokens: 64 }))
    expect(analyzeTrace(back.table)).toMatchObject({ blockTokens: 64, tokenHitRate: HIT_RATE })
  }
  expect(analyzeTrace(table, { blockTokens: 32 }).blockTokens).toBe(32)
})

test('lines say nothing of the blocks that everybody expects of their format', async () => {
  const { table } = await readText(TRACES.Bailian)
  expect(formatTrace(table, 'bailian')).not.toContain('block_size')
  const thousand = '{"timestamp":0,"input_length":1024,"output_length":5,"hash_ids":[0]}'
  const { table: large } = await readText(thousand, { blockTokens: 1024 })
  expect(formatTrace(large, 'mooncake')).not.toContain('block_size')
  expect(formatTrace(large, 'bailian')).not.toContain('block_size')
})

test('blocks of several sizes are cut where all of them end', async () => {
  const small = await readText(compact(16))
  const large = await readText(compact(64))
  expect(traceStats(mergeTraces([large.table, small.table])).blockTokens).toBe(16)
  expect(traceStats((await readText(`${compact(64)}\n${compact(64)}`)).table).blockTokens).toBe(64)
  const sizes = (blockTokens: number, row: number): string =>
    JSON.stringify({
      ...{ ts: row, prompt_tokens: 70, gen_tokens: 1 },
      ...{ hash_ids: [row, row + 1], block_size: blockTokens },
    })
  const sizeOf = async (lines: string[]): Promise<number> =>
    traceStats((await readText(lines.join('\n'))).table).blockTokens
  expect(await sizeOf([sizes(8, 1), sizes(8, 3)])).toBe(8)
  expect(await sizeOf([sizes(48, 1), sizes(64, 3)])).toBe(16)
  // One token, or a few, would make more blocks than anybody asked for.
  expect(await sizeOf([sizes(1, 1), sizes(64, 3)])).toBe(512)
  const ofEach = sizes(3, 1).replace(':3}', ':[3,61]}')
  expect(await sizeOf([ofEach, sizes(64, 3)])).toBe(512)
})

test('a trace without blocks is cut into 512 tokens, and what that leaves out is told', async () => {
  const declared = linesOf((row) => ({
    ...{ ts: row, prompt_tokens: PROMPT, gen_tokens: 1 },
    ...{ prefix_hash: 'a', prefix_len: SHARED },
  }))
  const { table } = await readText(declared)
  expect(traceStats(table).blockTokens).toBe(512)
  expect(lostSharingNote(table)).toBe(
    'blocks of 512 tokens leave out 100% of what prompts share; smaller ones leave out less',
  )
  expect(lostSharingNote(table, 64)).toBe(undefined)
  const { table: hashed } = await readText(compact(16))
  expect(lostSharingNote(hashed)).toBe(undefined)
  expect(lostSharingNote(hashed, 300)).toBe(
    'blocks of 300 tokens leave out 33% of what prompts share; those of the trace have 16',
  )
})

test('the end of a prompt that lies whole in another is left out, unless a prompt has ended there', async () => {
  const ofLengths = async (...lengths: number[]) => {
    const lines = lengths.map((prompt_tokens, row) =>
      JSON.stringify({
        ...{ ts: row, prompt_tokens, gen_tokens: 1 },
        ...{ prefix_hash: 'a', prefix_len: 2000 },
      }),
    )
    return (await readText(lines.join('\n'))).table
  }
  // Of 1000 shared tokens 488 are in no whole block.
  const nested = await ofLengths(1600, 1000)
  expect(analyzeTrace(nested).tokenHitRate).toBe(512 / 2600)
  expect(lostSharingNote(nested)).toContain('leave out 49% of')
  // The second of them has a prompt before it that ended where it ends.
  const twice = await ofLengths(1600, 1000, 1000)
  expect(analyzeTrace(twice).tokenHitRate).toBe(1512 / 3600)
  expect(lostSharingNote(twice)).toContain('leave out 24% of')
  expect(lostSharingNote(await ofLengths(1000, 1000))).toBe(undefined)
})

test('prompts under several adapters keep their blocks, and so do tables that are shared', async () => {
  const text = linesOf((row) => ({
    ...{ ts: row, prompt_tokens: PROMPT, gen_tokens: 1, lora_adapter: `a${row % 2}` },
    ...{ hash_ids: idsOf(16, row), block_size: 16 },
  }))
  const { table } = await readText(text)
  expect(traceStats(shareTable(table)).blockTokens).toBe(16)
})
