import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readTrace } from '../reading/read-trace.js'
import { type TraceStats, traceStats } from '../stats/trace-stats.js'
import { formatTrace, writeTrace } from '../writing/write-trace.js'
import { generateTrace } from './generate-trace.js'
import type { GeneratorOptions } from './generator-options.js'

const bundled: readonly (readonly [string, GeneratorOptions, TraceStats])[] = [
  [
    'chat_sessions.jsonl.gz',
    {
      rateRps: 8,
      durationSec: 250,
      turnsMean: 6,
      thinkTimeMeanSec: 20,
      promptTokensMean: 1800,
      promptTokensStd: 150,
      newTokensMean: 120,
      newTokensStd: 150,
      genTokensMean: 250,
      genTokensStd: 180,
      numPrefixes: 5,
      prefixLenMean: 1200,
      prefixLenStd: 250,
      prefixPopularity: 'zipf',
    },
    {
      requests: 1982,
      spanMs: 696516.5546641877,
      meanPromptTokens: 3491.109989909183,
      meanOutputTokens: 253.04591321897072,
      blockTokens: 16,
      blocks: 433390,
      distinctBlocks: 52547,
      infiniteCacheHitRate: 0.9384134382426913,
    },
  ],
  [
    'shared_prefixes.jsonl.gz',
    {
      kind: 'bursty',
      baseRateRps: 4,
      burstRateRps: 25,
      burstDurationSec: 15,
      burstIntervalSec: 60,
      durationSec: 330,
      promptTokensMean: 4000,
      promptTokensStd: 300,
      genTokensMean: 180,
      genTokensStd: 120,
      numPrefixes: 40,
      prefixLenMean: 2900,
      prefixLenStd: 400,
      prefixPopularity: 'zipf',
    },
    {
      requests: 3203,
      spanMs: 329932.16455450654,
      meanPromptTokens: 4001.6712457071494,
      meanOutputTokens: 180.96909147674054,
      blockTokens: 16,
      blocks: 802597,
      distinctBlocks: 219454,
      infiniteCacheHitRate: 0.7265701217422941,
    },
  ],
]

/** How packed bytes look depends on the zlib; the text does not. */
describe.each(bundled)('traces/%s', (name, options, expected) => {
  const path = fileURLToPath(new URL(`../../../../traces/${name}`, import.meta.url))

  it('is what the generator makes (UPDATE_TRACES=1 writes it)', async () => {
    const table = generateTrace(options)
    if (process.env['UPDATE_TRACES'] === '1') await writeTrace(path, table, 'compact_jsonl')
    expect(gunzipSync(readFileSync(path)).toString()).toBe(formatTrace(table, 'compact_jsonl'))
    expect((await readTrace(path)).table).toEqual(table)
  })

  it('is small, and has the figures that its README states', async () => {
    expect(statSync(path).size).toBeLessThan(100_000)
    const { table } = await readTrace(path)
    expect(traceStats(table, { blockTokens: 16 })).toEqual(expected)
  })
})
