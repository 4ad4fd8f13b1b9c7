import { expect, test } from 'vitest'
import { pairSpec } from './pair-spec.js'

test.each([
  ['a+b', 'a', 'b'],
  [
    'prefix_aware:cache_weight=1e+3,ties=first + least_kv@x',
    'prefix_aware:cache_weight=1e+3,ties=first',
    'least_kv@x',
  ],
  ['./my+own.ts:alpha=2+round_robin', './my+own.ts:alpha=2', 'round_robin'],
  ['round_robin+C:\\x\\r.ts', 'round_robin', 'C:\\x\\r.ts'],
  ['gate(a):queue_limit=3+flow_control(b)', 'gate(a):queue_limit=3', 'flow_control(b)'],
])('%s is a pair', (spec, prefill, decode) => {
  expect(pairSpec(spec)).toEqual({ prefill, decode })
})

test.each(['a', './my+router.ts', 'gate(a+b)', 'a:x=1e+3', '+b', 'a+', ''])(
  '%j is none',
  (spec) => {
    expect(pairSpec(spec)).toBeUndefined()
  },
)
