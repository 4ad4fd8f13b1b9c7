import { expect, test } from 'vitest'
import { formatInterval } from './format-interval.js'

test('an interval is told in the unit of its value, and no finer than that says something', () => {
  expect(formatInterval(38.7, 3.634, 'ms')).toBe('38.7 ± 3.63 ms')
  expect(formatInterval(3508, 128.5, 'ms')).toBe('3.51 ± 0.129 s')
  expect(formatInterval(3 * 3_600_000, 90_000, 'ms')).toBe('3 ± 0.025 h')
  expect(formatInterval(17.5, 0.0000277, 'ms')).toBe('17.5 ± 0 ms')
  expect(formatInterval(0.497, 0.00523, 'share')).toBe('49.7 ± 0.52%')
  expect(formatInterval(0.364, 0.001, 'usd')).toBe('$0.364 ± $0.001')
  expect(formatInterval(0.998, 0.012, 'number')).toBe('0.998 ± 0.012')
  expect(formatInterval(0, 0, 'number')).toBe('0 ± 0')
  expect(formatInterval(0.00000054, 0.00000002, 'usd')).toBe('$5.4e-7 ± $2.00e-8')
})
