import { type RequestTable, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { generateTrace } from './generate-trace.js'
import { GeneratedSource } from './generated-source.js'
import type { GeneratorOptions } from './generator-options.js'

/** Columns to write to, one row per request. */
function blank(size: number): RequestTable {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) builder.add({ arrivalMs: 0, promptTokens: 1, outputTokens: 0 })
  const column = () => new Int32Array(size).fill(-7)
  return {
    ...builder.build(),
    promptTokens: column(),
    outputTokens: column(),
    maxTokens: column(),
    promptNode: column(),
    prefixTokens: column(),
  }
}

test.each<GeneratorOptions>([
  {},
  { numPrefixes: 0 },
  { prefixLenMean: 900, prefixLenStd: 300, prefixPopularity: 'zipf' },
  { kind: 'bursty', genTokensMean: 0 },
])('one by one, %o gives the rows of the table', (options) => {
  const table = generateTrace({ durationSec: 20, ...options })
  const source = new GeneratedSource({ durationSec: 20, ...options })
  let slices = 0
  while (!source.prepare(300)) slices++
  expect(slices).toBeGreaterThan(3)
  expect(source.size).toBe(table.size)
  expect(source.spanMs).toBe(table.arrivalMs.at(-1)! - table.arrivalMs[0]!)
  expect(source.prompts).toEqual(table.prompts)
  const rows = blank(table.size)
  for (let row = 0; row < table.size; row++) source.next(rows, row)
  for (const name of ['arrivalMs', 'promptTokens', 'outputTokens', 'maxTokens'] as const) {
    expect(rows[name], name).toEqual(table[name])
  }
  expect(rows.promptNode).toEqual(table.promptNode)
  expect(rows.prefixTokens).toEqual(table.prefixTokens)
})

test('conversations, and too little time, are refused', () => {
  expect(() => new GeneratedSource({ turnsMean: 2 })).toThrow(
    expect.objectContaining({
      code: 'generator_invalid',
      path: 'turnsMean',
      message:
        'turnsMean: expected no conversations in a run that keeps nothing per request, got some of them',
    }),
  )
  expect(() => new GeneratedSource({ rateRps: 1e-9 }).prepare()).toThrow(
    'durationSec: expected time',
  )
})

test('there may be more than fit a table', () => {
  expect(() => new GeneratedSource({ rateRps: 1e6, durationSec: 1e6 })).not.toThrow()
})
