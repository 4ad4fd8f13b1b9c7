import { describe, expect, test } from 'vitest'
import { LogHistogram } from '../histogram/log-histogram.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import type { RunSummary } from './run-summary.js'
import { summarize } from './summarize.js'
import { summarizeSeeds } from './summarize-seeds.js'

function summaryOf(seed: number, ttftMs: number | undefined, reason?: string): RunSummary {
  const facts: RequestFacts[] = [{ arrivalMs: 0, outputTokens: 1, admittedMs: 0, finishedMs: 100 }]
  if (ttftMs !== undefined) facts[0] = { ...facts[0]!, firstTokenMs: ttftMs }
  if (reason !== undefined) facts.push({ arrivalMs: 1, rejectReason: reason })
  const run = runResult(facts, [{}], { seed, customMetrics: { nodes: seed } })
  return summarize(run, new LogHistogram(), { pricePerHour: [1] })
}

describe('summarizeSeeds', () => {
  test('mirrors the paths of a summary', () => {
    const over = summarizeSeeds([summaryOf(1, 10), summaryOf(2, 12), summaryOf(3, 14)])
    expect(over).toMatchObject({ algorithm: 'by_hand', visibility: 'exact', seeds: [1, 2, 3] })
    // Sample deviation 2, t(0.95, 2) = 4.3027.
    expect(over.ttft.p50).toMatchObject({ mean: 12, n: 3 })
    expect(over.ttft.p50.ci95).toBeCloseTo((4.3027 * 2) / Math.sqrt(3), 3)
    expect(over.per_backend_requests[0]).toEqual({ mean: 1, ci95: 0, n: 3 })
    expect(over.per_backend[0]!.requests.mean).toBe(1)
    expect(over.custom_metrics['nodes']!.mean).toBe(2)
    expect(over).not.toHaveProperty('seed')
    expect(over.per_backend[0]).not.toHaveProperty('role')
  })

  test('averages over the seeds that have the number', () => {
    const over = summarizeSeeds([summaryOf(1, 10), summaryOf(2, undefined)])
    expect(over.ttft.mean).toEqual({ mean: 10, ci95: null, n: 1 })
    expect(over.tbt.mean).toEqual({ mean: null, ci95: null, n: 0 })
  })

  test('a rejection reason that one seed lacks occurred 0 times there', () => {
    const over = summarizeSeeds([summaryOf(1, 10, 'full'), summaryOf(2, 10)])
    expect(over.rejected_by_reason['full']).toMatchObject({ mean: 0.5, n: 2 })
  })

  test('the same seed twice is not two samples', () => {
    expect(() => summarizeSeeds([summaryOf(1, 10), summaryOf(1, 10)])).toThrow(
      'runs over seeds: seed 1 occurs twice',
    )
  })

  test('refuses nothing, and different algorithms', () => {
    expect(() => summarizeSeeds([])).toThrow('expected at least one run, got none')
    const other = { ...summaryOf(2, 10), algorithm: 'other' }
    expect(() => summarizeSeeds([summaryOf(1, 10), other])).toThrow(
      'expected one algorithm, got by_hand and other',
    )
  })
})
