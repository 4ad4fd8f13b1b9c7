import { RouteSimError } from '@routesim/core'
import { expect, test } from 'vitest'
import { fromPortable, toPortable } from './portable-error.js'

const carried = (error: unknown): Error => fromPortable(structuredClone(toPortable(error)))

test('an error of ours keeps message, code, path, hint, stack and cause', () => {
  const cause = new TypeError('x is not a function')
  const error = new RouteSimError('a.toml: wrong', {
    code: 'c',
    path: 'a',
    hint: 'Mend it.',
    cause,
  })
  const again = carried(error)
  expect(again).toBeInstanceOf(RouteSimError)
  expect(again).toMatchObject({ message: 'a.toml: wrong', code: 'c', path: 'a', hint: 'Mend it.' })
  expect(again.stack).toBe(error.stack)
  expect(String(again.cause)).toBe('TypeError: x is not a function')
})

test('details that are not there stay absent', () => {
  const again = carried(new RouteSimError('m', { code: 'c' }))
  expect(again).toMatchObject({ path: undefined, hint: undefined })
  expect('cause' in again).toBe(false)
})

test('foreign errors and what is no error at all', () => {
  expect(String(carried(new RangeError('too far')))).toBe('RangeError: too far')
  expect(carried(new RangeError('too far'))).not.toBeInstanceOf(RouteSimError)
  expect(String(carried('just a string'))).toBe('Error: just a string')
})

test('an error that is its own cause ends somewhere', () => {
  const error = new Error('round')
  error.cause = error
  let depth = 0
  for (let at: unknown = carried(error); at instanceof Error; at = at.cause) depth++
  expect(depth).toBe(9)
})
