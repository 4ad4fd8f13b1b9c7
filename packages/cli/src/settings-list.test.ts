import { expect, test } from 'vitest'
import { parseAxes, parseSettings } from './settings-list.js'

test.each([
  ['a.b=4,8', { 'a.b': [4, 8] }],
  ['a= true , x ', { a: [true, 'x'] }],
  ['a=1;b=2,3', { a: [1], b: [2, 3] }],
  ['a="deadline:slo_ms=5,x=1",fcfs', { a: ['deadline:slo_ms=5,x=1', 'fcfs'] }],
  ['a="1;2";b="3"', { a: ['1;2'], b: ['3'] }],
  ['a=gate(r:x=1,y=2),b', { a: ['gate(r:x=1,y=2)', 'b'] }],
  ['a={kind="affine",ms=[1,2]},{}', { a: ['{kind="affine",ms=[1,2]}', '{}'] }],
  ['a=1..4/3:log', { a: { from: 1, to: 4, integer: true, steps: 3, scale: 'log' } }],
])('%s are axes', (text, axes) => {
  expect(parseAxes(text)).toEqual(axes)
})

test('one value may have commas and dots', () => {
  const text = 'a="x:y=1,z=2";b=../trace.jsonl;c=f(1,2)'
  expect(parseSettings(text)).toEqual({ a: 'x:y=1,z=2', b: '../trace.jsonl', c: 'f(1,2)' })
  expect(() => parseSettings('a=1,2')).toThrow('--set a: expected one value, got "1,2"')
  expect(() => parseSettings('a=1..2')).toThrow('--set a: expected one value, got "1..2"')
})
