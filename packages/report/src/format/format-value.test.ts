import { expect, test } from 'vitest'
import { formatValue } from './format-value.js'

test('a duration is told in the unit that suits it, up to days', () => {
  const told = [0.5, 12_300, 540_000, 5_400_000, 3 * 3_600_000, 36 * 3_600_000, 7 * 86_400_000]
  expect(told.map((ms) => formatValue(ms, 'ms'))).toEqual([
    ...['0.5 ms', '12.3 s', '540 s', '90 min'],
    ...['3 h', '36 h', '7 days'],
  ])
})
