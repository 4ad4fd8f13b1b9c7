import { expect, test } from 'vitest'
import { DualmapTurns } from './dualmap-turns.js'

test('a turn lasts for its instant', () => {
  const turns = new DualmapTurns()
  turns.call(7, 2, 50, { nowMs: 5 })
  expect([turns.backendOf(7, { nowMs: 5 }), turns.backendOf(7, { nowMs: 6 })]).toEqual([2, -1])
  turns.expire({ nowMs: 5 })
  expect([turns.countOf(2), turns.uncachedOf(7)]).toEqual([1, 50])
  turns.expire({ nowMs: 6 })
  expect([turns.countOf(2), turns.uncachedOf(7)]).toEqual([0, 0])
})

test('turns end one by one, in any order, or all with their instant', () => {
  const turns = new DualmapTurns()
  for (const row of [1, 2, 3]) turns.call(row, 0, 10 * row, { nowMs: 5 })
  turns.forget(1)
  turns.forget(1)
  expect(turns.countOf(0)).toBe(2)
  expect([1, 2, 3].map((row) => turns.uncachedOf(row))).toEqual([0, 20, 30])
  turns.expire({ nowMs: 6 })
  expect(turns.countOf(0)).toBe(0)
})

test('a request that is called again has one turn', () => {
  const turns = new DualmapTurns()
  turns.call(1, 0, 10, { nowMs: 5 })
  turns.call(1, 1, 20, { nowMs: 5 })
  expect([turns.countOf(0), turns.countOf(1), turns.uncachedOf(1)]).toEqual([0, 1, 20])
})
