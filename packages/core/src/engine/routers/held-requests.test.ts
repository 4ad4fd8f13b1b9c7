import { describe, expect, test } from 'vitest'
import { HeldRequests } from './held-requests.js'

const held = () => new HeldRequests(1, () => 0)
/** Rows whose requests are called as the rows are, but for those given. */
const called = (others: Record<number, number> = {}) => ({
  ordinalOf: (row: number) => others[row] ?? row,
})

describe('a router is asked about a request again', () => {
  test('when its time has come, once', () => {
    const requests = held()
    requests.hold(2, 10)
    requests.askLater(2, 2)
    expect(requests.takeDue(2, 10, called())).toBe(2)
    expect(requests.has(2)).toBe(false)
    expect(requests.takeDue(2, 10, called())).toBe(-1)
  })

  test('in a row far beyond those of all before', () => {
    const requests = held()
    requests.hold(1, 10)
    requests.hold(5000, 20)
    requests.askLater(5000, 5000)
    expect([requests.has(1), requests.has(4999), requests.has(5000)]).toEqual([true, false, true])
    expect(requests.takeDue(5000, 20, called())).toBe(5000)
  })

  test('not before the time it was held until in the end', () => {
    const requests = held()
    requests.hold(2, 10)
    requests.askLater(2, 2)
    requests.hold(2, 20)
    requests.askLater(2, 2)
    expect(requests.takeDue(2, 10, called())).toBe(-1)
    expect(requests.has(2)).toBe(true)
    expect(requests.takeDue(2, 20, called())).toBe(2)
  })

  test('and not about another that has its row by now', () => {
    const requests = held()
    requests.hold(3, 10)
    requests.askLater(3, 3)
    requests.forget(3)
    // The ninth request of all stands in the row of the third.
    requests.hold(3, 10)
    requests.askLater(9, 3)
    expect(requests.takeDue(3, 10, called({ 3: 9 }))).toBe(-1)
    expect(requests.has(3)).toBe(true)
    expect(requests.takeDue(9, 10, called({ 3: 9 }))).toBe(3)
  })
})
