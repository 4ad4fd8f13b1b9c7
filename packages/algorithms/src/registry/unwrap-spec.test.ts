import { expect, test } from 'vitest'
import { random } from '../routers/random.js'
import { unwrapSpec, wrapRouter } from './unwrap-spec.js'

test.each([
  ['random', 'random', []],
  ['./my.ts:a=1', './my.ts:a=1', []],
  ['gate(random:ties=first)', 'random:ties=first', [['gate', {}]]],
  [
    'flow-control( gate(./my.ts):queue_limit=3 )@llm-d',
    './my.ts',
    [
      ['flow_control', { preset: 'llm_d' }],
      ['gate', { queue_limit: 3 }],
    ],
  ],
])('%s', (spec, router, around) => {
  const found = unwrapSpec(spec)
  expect(found.router).toBe(router)
  expect(found.around.map(({ definition, parameters }) => [definition.name, parameters])).toEqual(
    around,
  )
})

test('the outermost is outside', () => {
  const { around } = unwrapSpec('flow_control(gate(random))')
  expect(wrapRouter(random.create(), around).name).toBe('flow_control(gate(random))')
})

test('a combinator that is none', () => {
  expect(() => unwrapSpec('gat(random)')).toThrow('unknown combinator "gat"')
})
