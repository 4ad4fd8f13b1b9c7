import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readTrace } from '../reading/read-trace.js'
import { readText } from '../testing/in-memory.js'
import { formatTrace } from '../writing/write-trace.js'
import { traceStats } from './trace-stats.js'

const conversation = fileURLToPath(
  new URL('../../../../../shared/traces/mooncake/conversation_trace.jsonl.gz', import.meta.url),
)

describe('traceStats', () => {
  it('counts blocks by hand', async () => {
    const { table } = await readText(
      [
        '{"ts":0,"prompt_tokens":40,"gen_tokens":10,"prefix_hash":"a","prefix_len":32}',
        '{"ts":2,"prompt_tokens":40,"gen_tokens":20,"prefix_hash":"a","prefix_len":32}',
        '{"ts":3,"prompt_tokens":40,"gen_tokens":30,"prefix_hash":"a","prefix_len":31}',
      ].join('\n'),
    )
    expect(traceStats(table, { blockTokens: 16 })).toEqual({
      requests: 3,
      spanMs: 3,
      meanPromptTokens: 40,
      meanOutputTokens: 20,
      blockTokens: 16,
      blocks: 9,
      distinctBlocks: 6,
      infiniteCacheHitRate: 3 / 9,
    })
  })

  it('counts answers that a next turn repeats as held', async () => {
    const { table } = await readText(
      [
        '{"ts":0,"prompt_tokens":20,"gen_tokens":28,"conversation_id":"c"}',
        '{"ts":1,"prompt_tokens":64,"gen_tokens":1,"conversation_id":"c"}',
      ].join('\n'),
    )
    const { infiniteCacheHitRate, distinctBlocks } = traceStats(table, { blockTokens: 16 })
    expect(infiniteCacheHitRate).toBe(3 / 6)
    expect(distinctBlocks).toBe(5)
  })

  it.skipIf(!existsSync(conversation))(
    'reproduces the published figures of the Mooncake conversation trace (needs ../shared/traces)',
    async () => {
      const { table, format } = await readTrace(conversation)
      expect(format).toBe('mooncake')
      const stats = traceStats(table)
      expect(stats.requests).toBe(12_031)
      expect(stats.meanPromptTokens).toBeCloseTo(12_035.1, 1)
      expect(stats.meanOutputTokens).toBeCloseTo(342.6, 1)
      expect(stats.blocks).toBe(288_500)
      expect(stats.distinctBlocks).toBe(182_790)
      expect(stats.infiniteCacheHitRate).toBeCloseTo(0.3664, 4)
      const compact = await readText(formatTrace(table, 'compact_jsonl'))
      expect(traceStats(compact.table)).toEqual(stats)
      const mooncake = await readText(formatTrace(compact.table, 'mooncake'))
      expect(mooncake.table.prompts).toEqual(table.prompts)
      expect(mooncake.table.promptNode).toEqual(table.promptNode)
    },
  )
})
