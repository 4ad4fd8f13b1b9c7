import { expect, test } from 'vitest'
import { closestName } from './closest-name.js'

test.each([
  ['round_robbin', 'round_robin'],
  ['ROUND-ROBIN', 'round_robin'],
  ['randm', 'random'],
  ['something_else', undefined],
  ['', undefined],
])('%j is near to %j', (name, expected) => {
  expect(closestName(name, ['round_robin', 'random', 'least_kv'])).toBe(expected)
})
