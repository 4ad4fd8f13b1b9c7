import { expect, test } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.js'

test('it opens after failures in a row, tries one request later, and closes when that goes well', () => {
  const breaker = new CircuitBreaker({ failures: 3, openMs: 100 })
  breaker.failed(0)
  breaker.failed(1)
  breaker.succeeded()
  breaker.failed(2)
  breaker.failed(3)
  expect(breaker.admits(4)).toBe(true)
  expect([breaker.failed(5), breaker.failed(5)]).toEqual([true, false])
  expect([breaker.state(6), breaker.admits(6), breaker.admits(104)]).toEqual(['open', false, false])
  expect([breaker.state(105), breaker.admits(105)]).toEqual(['half_open', true])
  breaker.sent(105)
  expect(breaker.admits(106)).toBe(false)
  expect(breaker.failed(110)).toBe(true)
  expect(breaker.state(111)).toBe('open')
  breaker.sent(210)
  breaker.abandoned()
  expect(breaker.admits(211)).toBe(true)
  breaker.succeeded()
  expect([breaker.state(212), breaker.admits(212)]).toEqual(['closed', true])
})
