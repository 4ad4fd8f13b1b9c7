import { expect, test } from 'vitest'
import { durationText } from './duration.js'

test.each([
  [0, '0.0 s'],
  [119_940, '119.9 s'],
  [120_000, '2.0 min'],
  [90 * 60_000, '90.0 min'],
  [86_400_000, '24.0 h'],
  [7 * 86_400_000, '7.0 days'],
  [983_333_333.3 * 60_000, '1,870.9 years'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms)).toBe(text)
})
