import { expect, test } from 'vitest'
import { counted, thousands } from './thousands.js'

test.each([
  [0, 0, '0'],
  [999, 0, '999'],
  [1000, 0, '1,000'],
  [-1234567, 0, '-1,234,567'],
  [12345.6789, 1, '12,345.7'],
  [999.96, 1, '1,000.0'],
  [0.25, 3, '0.250'],
])('%d with %d digits is %s', (value, digits, text) => {
  expect(thousands(value, digits)).toBe(text)
})

test('it writes as the language of the program does', () => {
  for (let value = 1; value < 1e15; value = value * 7 + 3) {
    expect(thousands(value)).toBe(value.toLocaleString('en-US'))
  }
})

test('one is one, and others are several', () => {
  expect([0, 1, 2, 12_031].map((count) => counted(count, 'request'))).toEqual([
    '0 requests',
    '1 request',
    '2 requests',
    '12,031 requests',
  ])
})
