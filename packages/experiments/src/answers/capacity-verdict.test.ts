import { expect, test } from 'vitest'
import type { CapacityAnswer } from './capacity-report.js'
import { capacityVerdict } from './capacity-verdict.js'

test.each([
  [0.5, '50%'],
  [0.98996, '98.996%'],
  [0.98949, '98.9%'],
  [0.9899999, '98.99999%'],
])('a share of %d that misses 99%% is told as %s', (attainment, text) => {
  const probes = [{ value: 1, attainment, oversized: 0, saturation: 'stable' }]
  const answer = { algorithm: 'random', gpu: 'H100', meets: 2, misses: 1, usd_per_hour: null }
  const answers = [{ ...answer, problem: null, probes } as unknown as CapacityAnswer]
  const [told] = capacityVerdict({
    find: 'backends',
    rate: 9,
    attainment: 0.99,
    precision: 0.1,
    answers,
  })
  expect(told).toBe(
    `random needs 2 backends for 99% within their targets; 1 is too few (${text} within targets).`,
  )
})
