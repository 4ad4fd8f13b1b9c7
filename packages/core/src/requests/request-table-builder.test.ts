import { expect, test } from 'vitest'
import { RequestTableBuilder } from './request-table-builder.js'
import { shareTable } from './share-table.js'

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
  [
    { arrivalMs: 0, promptTokens: 1, outputTokens: 1, promptNode: 77 },
    'request 0: promptNode: expected a node that builder.prompts gave, got 77 of 0',
  ],
  [
    { arrivalMs: 0, promptTokens: 1, outputTokens: 1, joins: [0, 1] },
    'request 0: joins: expected none without predecessor, got [0,1]',
  ],
  [
    { arrivalMs: 0, promptTokens: 1, outputTokens: 1, thinkMs: 5 },
    'request 0: thinkMs: expected none without predecessor, got 5',
  ],
])('%j is refused', (request, message) => {
  expect(() => new RequestTableBuilder().add(request)).toThrow(message)
})

test('columns that no row uses are one array per default, and all are shared memory', () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 2000; i++) builder.add({ arrivalMs: i, promptTokens: 1, outputTokens: i })
  builder.add({ arrivalMs: 5000, promptTokens: 1, outputTokens: 2, priority: 4 })
  const table = builder.build()
  expect(table.session).toBe(table.user)
  expect(table.maxTokens).toBe(table.prefixTokens)
  expect([table.session.length, table.session[7], table.prefixTokens[2000]]).toEqual([2001, -1, 0])
  expect([table.priority[1999], table.priority[2000]]).toEqual([0, 4])
  expect(table.arrivalMs.buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(shareTable(table)).toEqual(table)
  expect(shareTable(table).outputTokens).toBe(table.outputTokens)
})

test('a column that is used late is filled with its default before', () => {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 5000; i++) {
    const user = i === 3000 ? { user: 'u', maxTokens: 9 } : {}
    builder.add({ arrivalMs: 5000 - i, promptTokens: 1, outputTokens: 3, ...user })
  }
  const { user, maxTokens } = builder.build()
  expect([user[0], user[1999], user[4999]]).toEqual([-1, 0, -1])
  expect([maxTokens[0], maxTokens[1999], maxTokens[4999]]).toEqual([0, 9, 0])
})

test('a table made by hand is copied into shared memory, equal columns once', () => {
  const column = Int32Array.of(1, 2)
  const none = new Int32Array(2)
  const table = {
    size: 2,
    arrivalMs: Float64Array.of(0, 1),
    promptTokens: column,
    outputTokens: column,
    maxTokens: column,
    promptNode: none,
    prefixTokens: none,
    session: none,
    user: none,
    tenant: none,
    model: none,
    adapter: none,
    priority: none,
    ttftSloMs: none,
    strings: ['a'],
    prompts: { size: 1, parent: Int32Array.of(-1), startTokens: none, endTokens: column },
  }
  const shared = shareTable(table)
  expect(shared).toEqual(table)
  expect(shared.promptTokens).toBe(shared.prompts.endTokens)
  expect(shared.arrivalMs.buffer).toBeInstanceOf(SharedArrayBuffer)
})

test.each([
  [1.5, '>= -2147483647'],
  [Number.NaN, '>= -2147483647'],
  [-3e9, '>= -2147483647'],
  [3e9, '<= 2147483647'],
])('a priority of %s, which its column can not hold, is refused', (priority, bound) => {
  const builder = new RequestTableBuilder()
  expect(() => builder.add({ arrivalMs: 0, promptTokens: 1, outputTokens: 1, priority })).toThrow(
    expect.objectContaining({
      code: 'request_invalid',
      message: `request 0: priority: expected an integer ${bound}, got ${priority}`,
    }),
  )
})

test('a number in quotes is shown as such', () => {
  const add = (record: object) => () => new RequestTableBuilder().add(record as never)
  const whole = { arrivalMs: 0, promptTokens: 1, outputTokens: 1 }
  expect(add({ ...whole, promptTokens: '12' })).toThrow(
    'request 0: promptTokens: expected an integer >= 1, got "12"',
  )
  expect(add({ promptTokens: 1, outputTokens: 1 })).toThrow(
    'request 0: arrivalMs: expected a number >= 0, got nothing',
  )
})
