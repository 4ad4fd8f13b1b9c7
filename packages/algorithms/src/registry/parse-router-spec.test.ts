import { expect, test } from 'vitest'
import { parseRouterSpec } from './parse-router-spec.js'

test.each([
  ['round_robin', 'round_robin', {}],
  ['round-robin', 'round_robin', {}],
  [
    'prefix_aware:cache_weight=0.8,ties=first',
    'prefix_aware',
    { cache_weight: 0.8, ties: 'first' },
  ],
  [' least_kv : ties = random ', 'least_kv', { ties: 'random' }],
  ['mine:a=-1e3,b=true,c=false,d=1s', 'mine', { a: -1000, b: true, c: false, d: '1s' }],
  ['dynamo-kv@load-aware', 'dynamo_kv', { preset: 'load_aware' }],
  ['dynamo_kv@classic:temperature=0.5', 'dynamo_kv', { preset: 'classic', temperature: 0.5 }],
  ['./my@2/router.ts', './my@2/router.ts', {}],
  ['./my-router.ts', './my-router.ts', {}],
  ['./my-router.ts:alpha=2', './my-router.ts', { alpha: 2 }],
  ['my-router.js:alpha=2', 'my-router.js', { alpha: 2 }],
  ['C:\\x\\my-r.ts', 'C:\\x\\my-r.ts', {}],
  ['C:\\x\\r.ts:alpha=2', 'C:\\x\\r.ts', { alpha: 2 }],
  ['C:/x/r.ts:alpha=2', 'C:/x/r.ts', { alpha: 2 }],
  ['file:///x/r.ts:alpha=2', 'file:///x/r.ts', { alpha: 2 }],
  ['./r.ts:url=http://host:80/?q=1', './r.ts', { url: 'http://host:80/?q=1' }],
])('%s', (spec, name, parameters) => {
  expect(parseRouterSpec(spec)).toEqual({ name, parameters })
})

test.each([
  ['', 'router "": expected the name of a router, got none'],
  [':a=1', 'router ":a=1": expected the name of a router, got none'],
  ['@classic', 'router "@classic": expected name@preset'],
  ['dynamo_kv@', 'router "dynamo_kv@": expected name@preset'],
  [
    'dynamo_kv@classic:preset=x',
    'router "dynamo_kv@classic:preset=x": parameter preset is given twice',
  ],
  ['random:', 'router "random:": expected parameter=value, got ""'],
  ['random:ties', 'router "random:ties": expected parameter=value, got "ties"'],
  ['random:ties=', 'router "random:ties=": expected parameter=value, got "ties="'],
  ['random:=1', 'router "random:=1": expected parameter=value, got "=1"'],
  ['random:a=1,', 'router "random:a=1,": expected parameter=value, got ""'],
  ['random:a=1,a=2', 'router "random:a=1,a=2": parameter a is given twice'],
  ['gate()', 'router "gate()": expected name(router)'],
  ['gate(random', 'router "gate(random": expected name(router)'],
  [
    'gate(random)x',
    'router "gate(random)x": expected @preset or :parameter=value after the bracket, got x',
  ],
])('%j is refused', (spec, message) => {
  expect(() => parseRouterSpec(spec)).toThrow(
    expect.objectContaining({ code: 'router_spec_invalid', message }),
  )
})

test('a parameter called __proto__ is kept, to be refused as unknown', () => {
  expect(Object.keys(parseRouterSpec('random:__proto__=1').parameters)).toEqual(['__proto__'])
})

test('a combinator, with its router as it is written', () => {
  expect(parseRouterSpec('flow-control(gate(random:ties=first):a=1)@llm-d:b=2')).toEqual({
    name: 'flow_control',
    parameters: { preset: 'llm_d', b: 2 },
    inner: 'gate(random:ties=first):a=1',
  })
})
