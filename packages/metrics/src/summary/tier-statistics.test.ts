import { expect, test } from 'vitest'
import { requestRows } from '../export/request-rows.js'
import { LogHistogram } from '../histogram/log-histogram.js'
import { runResult } from '../testing/run-result.js'
import { summarize } from './summarize.js'

const noGaps = new LogHistogram()
const request = { arrivalMs: 0, admittedMs: 0, firstTokenMs: 50, finishedMs: 100 }
const tier = { loads: 2, loadedTokens: 60, loadMs: 20, totalBlocks: 10, usedBlocks: 4 }

test('tiers of the same name are one, and prompts tell what came from them', () => {
  const run = runResult(
    [request, request],
    [
      { tiers: [{ name: 'cpu', ...tier }], adapterLoads: 3 },
      {
        tiers: [
          { name: 'cpu', ...tier, loadMs: 40 },
          { name: 'disk', ...tier },
        ],
        adapterLoads: 2,
      },
      {},
    ],
  )
  const outcomes = { ...run.outcomes, loadedTokens: Int32Array.of(60, 20) }
  const result = { ...run, outcomes }
  const summary = summarize(result, noGaps, { pricePerHour: [0, 0, 0] })
  // Each prompt has 100 tokens, the run lasts 100 ms.
  expect(summary.loaded_token_rate).toBeCloseTo(0.4, 12)
  expect(summary.kv_tiers).toEqual({
    cpu: {
      loads: 4,
      loaded_tokens: 120,
      link_busy_fraction: 0.3,
      total_blocks: 20,
      used_blocks: 8,
    },
    disk: {
      loads: 2,
      loaded_tokens: 60,
      link_busy_fraction: 0.2,
      total_blocks: 10,
      used_blocks: 4,
    },
  })
  expect(summary.adapter_loads).toBe(5)
  expect([...requestRows(result)].map((row) => row.loaded_tokens)).toEqual([60, 20])
})

test('without tiers and adapters a summary says nothing of them', () => {
  const summary = summarize(runResult([request], [{}]), noGaps, { pricePerHour: [0] })
  for (const key of ['loaded_token_rate', 'kv_tiers', 'adapter_loads'])
    expect(summary).not.toHaveProperty(key)
})
