import { expect, test } from 'vitest'
import { shown, shownIfAny } from './shown.js'

const circle: Record<string, unknown> = {}
circle['self'] = circle

test.each<[unknown, string]>([
  ['12', '"12"'],
  [12, '12'],
  [12n, '12'],
  [Number.NaN, 'NaN'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'undefined'],
  [[1, '2'], '[1,"2"]'],
  [{ a: 1 }, '{"a":1}'],
  [Promise.resolve(1), 'a promise'],
  [() => 1, 'a function'],
  [Symbol('x'), 'Symbol(x)'],
  [circle, 'an object'],
])('%o is shown as %s', (value, expected) => {
  expect(shown(value)).toBe(expected)
})

test('what was left out is nothing', () => {
  expect([undefined, null, ''].map(shownIfAny)).toEqual(['nothing', 'null', '""'])
})
