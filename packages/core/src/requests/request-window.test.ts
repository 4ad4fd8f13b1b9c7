import { expect, test } from 'vitest'
import { NO_NODE } from './prompt-tree.js'
import type { RequestSource } from './request-source.js'
import { tableSource } from './request-source.js'
import { RequestTableBuilder } from './request-table-builder.js'
import { RequestWindow } from './request-window.js'

/** Requests that arrive one per ms, and have as many prompt tokens. */
function source(size: number): RequestSource {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) {
    builder.add({ arrivalMs: i, promptTokens: i + 1, outputTokens: 1, session: `s${i % 2}` })
  }
  return tableSource(builder.build())
}

const forgetful = { renew: () => {} }

test('a request that has ended gives its row to a later one, and warm-up requests keep theirs', () => {
  const window = new RequestWindow(source(5000), 10, 3)
  expect(window.table.size).toBe(10 + 1024 + 3)
  const rows = new Set<number>()
  for (let request = 0; request < 5000; request++) {
    if (request % 1024 === 0) window.refill(forgetful)
    const entry = request % 1024
    const row = window.rowOf(entry)
    rows.add(row)
    expect(window.entryTimes[entry]).toBe(request)
    expect(window.table.promptTokens[row]).toBe(request + 1)
    expect(window.table.strings[window.table.session[row]!]).toBe(`s${request % 2}`)
    expect(row < 3).toBe(request < 3)
    window.give(row)
  }
  expect(rows.size).toBe(3 + 1024)
  expect(window.entryTimes[5000 % 1024]).toBe(Number.POSITIVE_INFINITY)
})

test('who keeps something per row is told of each request that gets one', () => {
  const window = new RequestWindow(source(1200), 5, 0)
  const renewed: number[] = []
  const keeper = { renew: (row: number) => void renewed.push(row) }
  window.refill(keeper)
  expect(renewed).toEqual(Array.from({ length: 1024 }, (_, row) => row))
  for (let row = 0; row < 1024; row++) window.give(row)
  window.refill(keeper)
  expect(renewed.slice(1024)).toEqual(Array.from({ length: 176 }, (_, row) => row))
})

test('more requests under way than there is room for are told', () => {
  const window = new RequestWindow(source(3000), 100, 0)
  window.refill(forgetful)
  expect(() => window.refill(forgetful)).toThrow(
    expect.objectContaining({
      code: 'window_full',
      hint: expect.stringContaining('Lower the rate'),
    }),
  )
})

test('rows of a small source are as many as its requests', () => {
  const window = new RequestWindow(source(7), 100, 2)
  expect(window.table.size).toBe(7)
  expect(window.table.promptNode[3]).toBe(NO_NODE)
  window.refill(forgetful)
  expect([...window.entryTimes.slice(5, 9)]).toEqual([
    5,
    6,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ])
})

test('tickets go by arrival, not by row', () => {
  const window = new RequestWindow(source(2000), 10, 0)
  window.refill(forgetful)
  for (let row = 0; row < 1024; row++) window.give(1023 - row)
  window.refill(forgetful)
  // The first row given back was the last, so the later request has the lower row.
  expect(window.table.arrivalMs[500]).toBeGreaterThan(window.table.arrivalMs[1000]!)
  const [early, late] = [window.ticketOf(1000), window.ticketOf(500)]
  expect(early).toBeLessThan(late)
  expect([window.redeem(early), window.redeem(late)]).toEqual([1000, 500])
})
