import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseFilters } from './row-filter.js'

const builder = new RequestTableBuilder()
for (const [promptTokens, tenant] of [
  [100, 'a'],
  [200, 'b'],
  [300, undefined],
] as const) {
  builder.add({ arrivalMs: 0, promptTokens, outputTokens: 1, ...(tenant && { tenant }) })
}
const table = builder.build()

test.each([
  [['tenant=a'], [0]],
  [['tenant!=a'], [1, 2]],
  [['tenant='], [2]],
  [['prompt_tokens>=200'], [1, 2]],
  [['prompt_tokens > 200'], [2]],
  [['prompt_tokens<300', 'tenant!=b'], [0]],
  [['output_tokens!=1'], []],
])('%j keeps rows %j', (conditions, rows) => {
  const keeps = parseFilters(conditions)
  expect([0, 1, 2].filter((row) => keeps(row, table))).toEqual(rows)
})

test.each(['', 'tenant', 'tenant>a', 'prompt_tokens>=', 'prompt_tokens=many', 'colour=red'])(
  'there is no condition "%s"',
  (condition) => {
    expect(() => parseFilters([condition])).toThrow(`got "${condition}"`)
  },
)
