import { afterEach, expect, test, vi } from 'vitest'
import { RequestTableBuilder } from './request-table-builder.js'
import { shareTable } from './share-table.js'
import { sharedFloat64, sharedInt32 } from './shared-columns.js'

afterEach(() => void vi.unstubAllGlobals())

test('columns are in shared memory', () => {
  expect(sharedInt32(3).buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(sharedFloat64(3).buffer).toBeInstanceOf(SharedArrayBuffer)
})

test('a page that is not cross-origin isolated has no shared memory: tables are built in their own', () => {
  vi.stubGlobal('SharedArrayBuffer', undefined)
  const builder = new RequestTableBuilder()
  const promptNode = builder.prompts.stream(-1, 'a', 8)
  const first = builder.add({ arrivalMs: 1, promptTokens: 8, outputTokens: 2, promptNode })
  builder.add({ arrivalMs: 2, promptTokens: 9, outputTokens: 2, predecessor: first, adapter: 'x' })
  const table = builder.build()
  expect([...table.promptTokens]).toEqual([8, 9])
  expect(table.arrivalMs.buffer).toBeInstanceOf(ArrayBuffer)
  expect(shareTable(table)).toEqual(table)
})
