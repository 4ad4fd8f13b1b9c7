import { RandomStream } from '@routesim/core'
import { expect, test } from 'vitest'
import { percentile } from '../statistics/percentile.js'
import { type RequestFacts, runResult } from '../testing/run-result.js'
import { latencyDistributions } from './latency-distributions.js'

test('a long run has the latencies that its requests have one by one', () => {
  const random = new RandomStream(3, 'run')
  const warmupRequests = 100
  const facts = Array.from({ length: 20_100 }, (_, i): RequestFacts => {
    const arrivalMs = i * 2
    const admittedMs = arrivalMs + (i % 3 === 0 ? random.exponential(50) : 0)
    const firstTokenMs = admittedMs + random.exponential(400)
    const finishedMs = firstTokenMs + random.exponential(9000)
    const outcome = i % 50 === 7 ? 'unfinished' : 'completed'
    return { arrivalMs, admittedMs, firstTokenMs, finishedMs, outcome, outputTokens: i % 9 }
  })
  const latencies = latencyDistributions(runResult(facts, [{}], { warmupRequests }))
  const measured = facts.slice(warmupRequests)
  const done = measured.filter(({ outcome }) => outcome === 'completed')
  const perToken = done.filter(({ outputTokens }) => outputTokens! > 1)
  const expected = {
    ttft: measured.map((fact) => fact.firstTokenMs! - fact.arrivalMs),
    completedTtft: done.map((fact) => fact.firstTokenMs! - fact.arrivalMs),
    queueWait: measured.map((fact) => fact.admittedMs! - fact.arrivalMs),
    e2e: done.map((fact) => fact.finishedMs! - fact.arrivalMs),
    tpot: perToken.map((f) => (f.finishedMs! - f.firstTokenMs!) / (f.outputTokens! - 1)),
  }
  for (const name of ['ttft', 'completedTtft', 'queueWait', 'e2e', 'tpot'] as const) {
    const values = Float64Array.from(expected[name]).sort()
    const { count, p50, p99, min, max, mean } = latencies[name]
    expect({ count, min, max }).toEqual({
      count: values.length,
      min: values[0],
      max: values.at(-1),
    })
    expect(p50).toBe(percentile(values, 0.5))
    expect(p50).toBeGreaterThanOrEqual(values[Math.floor((values.length - 1) / 2)]!)
    expect(p99).toBe(percentile(values, 0.99))
    expect(mean).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / values.length, 8)
  }
})
