import { expect, test } from 'vitest'
import { RequestTableBuilder } from './request-table-builder.js'

test('rows are sorted by arrival, and rows that arrive together keep their order', () => {
  const builder = new RequestTableBuilder()
  builder.add({ arrivalMs: 5, promptTokens: 1, outputTokens: 0, session: 'late' })
  builder.add({ arrivalMs: 2, promptTokens: 2, outputTokens: 0, session: 'early' })
  builder.add({ arrivalMs: 2, promptTokens: 3, outputTokens: 0 })
  const table = builder.build()
  expect([...table.arrivalMs]).toEqual([2, 2, 5])
  expect([...table.promptTokens]).toEqual([2, 3, 1])
  expect([...table.session].map((id) => table.strings[id])).toEqual(['early', undefined, 'late'])
})

test('a table grows beyond its first capacity', () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 3000; i++) builder.add({ arrivalMs: i, promptTokens: i + 1, outputTokens: i })
  const table = builder.build()
  expect([table.size, table.promptTokens[2999], table.outputTokens[1024]]).toEqual([
    3000, 3000, 1024,
  ])
})

test.each([
  [
    { arrivalMs: Number.NaN, promptTokens: 1, outputTokens: 1 },
    'request 0: arrivalMs: expected a number >= 0, got NaN',
  ],
  [
    { arrivalMs: 0, promptTokens: 0, outputTokens: 1 },
    'request 0: promptTokens: expected an integer >= 1, got 0',
  ],
  [
    { arrivalMs: 0, promptTokens: 1, outputTokens: -1 },
    'request 0: outputTokens: expected an integer >= 0, got -1',
  ],
])('%j is refused', (request, message) => {
  expect(() => new RequestTableBuilder().add(request)).toThrow(message)
})
