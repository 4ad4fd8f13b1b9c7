import { expect, test } from 'vitest'
import { metric } from './metric.js'
import type { AlgorithmSummary } from './simulate-all.js'

const one = {
  algorithm: 'a',
  rejected_requests: 0,
  rejected_by_reason: { queue_full: 3 },
  ttft: { p50: 100, p99: null },
  load_cv: null,
  saturation: { verdict: 'stable', peak_waiting: 2 },
  slo: { attainment: 1, per_class: {} },
  per_backend: [{ id: 0, steps: 7 }],
  custom_metrics: { tenants: 4 },
} as unknown as AlgorithmSummary

test.each([
  ['rejected_requests', 0],
  ['rejected_by_reason.queue_full', 3],
  ['ttft.p50', 100],
  ['per_backend.0.steps', 7],
  ['custom_metrics.tenants', 4],
])('%s is read', (path, value) => {
  expect(metric(one, path)).toEqual({ value, ci95: null })
})

test('names of classes may have dots in them', () => {
  const per_class = { 'tier1.5': { attainment: 0.6 }, tier1: { attainment: 0.4 } }
  const result = { slo: { attainment: 0.5, per_class } } as unknown as AlgorithmSummary
  expect(metric(result, 'slo.per_class.tier1.5.attainment').value).toBe(0.6)
  expect(metric(result, 'slo.per_class.tier1.attainment').value).toBe(0.4)
  expect(metric(result, 'slo.per_class.tier1.6.attainment').value).toBe(null)
})

test('of several seeds, the mean comes with its interval', () => {
  const ttft = { p50: { mean: 3, ci95: 1, n: 4 }, p99: { mean: null, ci95: null, n: 0 } }
  const several = { ttft } as unknown as AlgorithmSummary
  expect(metric(several, 'ttft.p50')).toEqual({ value: 3, ci95: 1 })
  expect(metric(several, 'ttft.p99')).toEqual({ value: null, ci95: null })
})

test.each([
  'ttft.p99',
  'load_cv',
  'kv_tiers.host.loads',
  'tenants.count',
  'adapter_loads',
  'slo.per_class.batch.attainment',
  'rejected_by_reason.no_room',
  'rejected_by_reason.queue_full.twice',
  'custom_metrics.size',
])('%s is null where there is nothing to compute it from', (path) => {
  expect(metric(one, path)).toEqual({ value: null, ci95: null })
})

test.each([
  ['tftt.p50', 'ttft.p50'],
  ['ttft.p98', 'ttft.p99'],
  ['rejected_request', 'rejected_requests'],
  ['slo.atainment', 'slo.attainment'],
  ['load-cv', 'load_cv'],
])('%s is no number of a result, but %s is', (path, near) => {
  expect(() => metric(one, path)).toThrow(
    expect.objectContaining({
      code: 'metric_unknown',
      path,
      message: `metric: expected the path of a number of a result, such as ttft.p99, got "${path}"`,
      hint: `Did you mean "${near}"?`,
    }),
  )
})

test.each([
  'algorithm',
  'saturation.verdict',
  'ttft',
  '',
  'constructor',
  'ttft.p50.mean',
  'ttft.toString',
])('%j is none either', (path) => {
  expect(() => metric(one, path)).toThrow(expect.objectContaining({ code: 'metric_unknown' }))
})

test('without a near one, the hint says how paths begin', () => {
  expect(() => metric(one, 'happiness')).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(/^Paths begin with algorithm, .*ttft/) }),
  )
})
