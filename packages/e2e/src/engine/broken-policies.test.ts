// Local policies come from users' files, where no compiler has looked: faults name the policy and what it did.
import { defineLocalPolicy } from '@routesim/algorithms'
import { type LocalPolicyFactory, RouteSimError } from '@routesim/core'
import { describe, expect, test } from 'vitest'
import { backend, tinyRun } from '../testing/tiny-run.js'

const boom = (): never => {
  throw new TypeError('oops')
}

function mine(create: () => unknown): LocalPolicyFactory {
  return defineLocalPolicy({ name: 'mine', description: 'x', create: create as never }).configure()
}

describe.each(['fast', 'reference'] as const)('%s stepper', (stepper) => {
  const run = (scheduling: LocalPolicyFactory) => () =>
    tinyRun({ stepper, requests: [{}, {}, {}], backends: [backend({ scheduling, maxNumSeqs: 1 })] })

  test.each<[string, unknown, string]>([
    ['text', '5', '"5"'],
    ['a promise', Promise.resolve(1), 'a promise'],
    ['nothing', undefined, 'undefined'],
    ['NaN', Number.NaN, 'NaN'],
  ])('a rank that is %s', (_, rank, shown) => {
    expect(run(mine(() => ({ rank: () => rank })))).toThrow(
      expect.objectContaining({
        code: 'policy_failed',
        message: `local policy "mine": rank() of request 0: expected a number, got ${shown}`,
      }),
    )
  })

  test.each<[string, () => unknown]>([
    ['create()', boom],
    ['rank() of request 0', () => ({ rank: boom })],
    ['arrange()', () => ({ arrange: boom })],
  ])('%s that throws', (place, create) => {
    expect(run(mine(create))).toThrow(
      expect.objectContaining({
        code: 'policy_failed',
        message: `local policy "mine" threw in ${place}: TypeError: oops`,
        cause: expect.any(TypeError),
      }),
    )
  })

  test.each([() => undefined, () => ({}), () => ({ rank: 5 })])('%s makes none', (create) => {
    expect(run(mine(create))).toThrow(
      'local policy "mine": create(): expected an object with a function rank or arrange, got neither',
    )
  })

  test('an error that says what is wrong keeps its code', () => {
    const rank = (): never => {
      throw new RouteSimError('score of it', { code: 'score_invalid', hint: 'Look.' })
    }
    expect(run(mine(() => ({ rank })))).toThrow(
      expect.objectContaining({
        code: 'score_invalid',
        message: 'local policy "mine": rank() of request 0: score of it',
        hint: 'Look.',
      }),
    )
  })

  test('without limits a rank may be infinite, and a policy an instance of a class', () => {
    class Last {
      rank(): number {
        return Number.POSITIVE_INFINITY
      }
    }
    const { outcomes } = run(mine(() => new Last()))()
    expect(outcomes.firstTokenMs.every((ms) => ms > 0)).toBe(true)
  })
})

test('a policy without create is refused where it is defined', () => {
  expect(() => defineLocalPolicy({ name: 'mine', description: 'x' } as never)).toThrow(
    'scheduling.mine: expected create() that returns an object with a function rank or arrange, got undefined',
  )
})
