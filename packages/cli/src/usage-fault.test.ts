import { RouteSimError } from '@routesim/core'
import { expect, test } from 'vitest'
import { usageFault } from './usage-fault.js'

function fault(error: Partial<RouteSimError>, values: Readonly<Record<string, unknown>>) {
  const { message = 'wrong', code = 'c', path, hint } = error
  const details = { code, ...(path !== undefined && { path }), ...(hint !== undefined && { hint }) }
  return usageFault(new RouteSimError(message, details), values)?.message
}

test('what an error names is wrong usage where it is an option with a value, which is named as typed', () => {
  const error = { message: 'subjectTo: expected a bound', path: 'subjectTo', hint: 'Give one.' }
  const given = { 'subject-to': 'x', subjectTo: 'x' }
  expect(fault(error, given)).toBe('--subject-to: expected a bound\nGive one.')
  expect(fault(error, { seed: 1 })).toBeUndefined()
  const sampling = { message: 'sampling: expected points', path: 'sampling' }
  expect(fault(sampling, { sample: 'random' })).toBe('--sample: expected points')
})

test('what is wrong with a file that an option names is not', () => {
  const few = { message: 'trace: expected at least 8 requests', path: 'trace' }
  expect(fault(few, { trace: 'few.jsonl' })).toBeUndefined()
  expect(fault({ path: 'seed.toml' }, { config: 'seed.toml', seed: 1 })).toBeUndefined()
})

test('keys of the config are when --set sets them, or something in them', () => {
  const error = { message: 'algorithms.gate: unknown', path: 'algorithms.gate' }
  expect(fault(error, { set: 'a=1; algorithms.gate.x = 2' })).toBe('algorithms.gate: unknown')
  expect(fault(error, { set: 'algorithms.gates=2' })).toBeUndefined()
})

test('names of routers are wrong usage only where an option may hold them', () => {
  const error = { message: 'unknown router "x"', code: 'router_unknown' }
  expect(fault(error, { algorithms: 'x' })).toBe('unknown router "x"')
  expect(fault(error, { config: 'c.toml' })).toBeUndefined()
})
