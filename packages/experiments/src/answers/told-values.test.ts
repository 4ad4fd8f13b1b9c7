import { expect, test } from 'vitest'
import { judgedMetric } from './judged-metrics.js'
import type { PairedDifference } from './paired-difference.js'
import { told, toldDifference } from './told-values.js'

test.each([
  [340.4, 'ms', '340 ms'],
  [999, 'ms', '999 ms'],
  [1000, 'ms', '1 s'],
  [-1234, 'ms', '-1.23 s'],
  [0.1234, 'share', '12.3%'],
  [-0.5, 'usd', '-$0.5'],
  [1.239, 'usd', '$1.24'],
  [999.4, 'number', '999'],
  [1000, 'number', '1,000'],
  [-12_345.6, 'number', '-12,346'],
] as const)('%d in %s is told as %s', (value, unit, text) => {
  expect(told(value, unit)).toBe(text)
})

test('a difference with its part of the base and its interval', () => {
  const difference = (path: string, more: Partial<PairedDifference>): string =>
    toldDifference({
      ...judgedMetric(path, 'by'),
      ...{ base: 1000, other: 880, difference: -120, ci95: 60, pairs: 4, outcome: 'better' },
      ...more,
    })
  expect(difference('ttft.p99', {})).toBe('-120 ms (-12%), 95% interval -180 ms to -60 ms')
  expect(difference('ttft.p99', { difference: 5, ci95: null })).toBe('+5 ms (+0.5%)')
  expect(difference('preemptions', { base: 0, difference: 5, ci95: null })).toBe('+5')
  // Of shares the difference is in points; of what is below 0, the part is of its size.
  expect(difference('token_hit_rate', { base: 0.5, difference: 0.1, ci95: 0.2 })).toBe(
    '+10 points (+20%), 95% interval -10 points to +30 points',
  )
  // In the unit of its title.
  expect(
    difference('estimated_cost_per_1k_tokens', {
      scale: 1000,
      base: 4e-4,
      difference: 2e-5,
      ci95: 1e-5,
    }),
  ).toBe('+$0.02 (+5%), 95% interval +$0.01 to +$0.03')
  expect(difference('ttft.p99', { base: -10, difference: 5, ci95: null })).toBe('+5 ms (+50%)')
})
