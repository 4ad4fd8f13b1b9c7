import { hold, RouteSimError, type RoutingAlgorithm } from '@routesim/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { leastBy } from '../pickers/pick.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { defineRouter, type RouterDefinition } from './define-router.js'

const tunable = defineRouter({
  name: 'tunable',
  description: 'Has one parameter of each kind.',
  parameters: {
    weight: { default: 0.5, min: 0, max: 1, description: 'A share.' },
    limit: { default: 10, min: 1, integer: true, description: 'A count.' },
    mode: { default: 'soft', choices: ['soft', 'hard'], description: 'A choice.' },
    label: { default: 'x', description: 'Any text.' },
    strict: { default: false, description: 'A switch.' },
  },
  create: (parameters) => {
    expectTypeOf(parameters).toEqualTypeOf<{
      readonly weight: number
      readonly limit: number
      readonly mode: 'soft' | 'hard'
      readonly label: string
      readonly strict: boolean
    }>()
    return {
      route: () => ({ kind: 'reject', reason: JSON.stringify(parameters) }),
    }
  },
})

function parametersOf(router: RoutingAlgorithm): unknown {
  return JSON.parse(String(summary(router.route(testRequest(), testCluster([])))))
}

describe('defineRouter', () => {
  test('a custom router takes ten lines', () => {
    const router = defineRouter({
      name: 'fewest_pending_tokens',
      description: 'Sends to the backend with the fewest prompt tokens still to prefill.',
      create: () => ({
        route: (_request, cluster) => leastBy(cluster, (backend) => backend.pendingPromptTokens),
      }),
    }).create()
    const cluster = testCluster([{ pendingPromptTokens: 900 }, { pendingPromptTokens: 20 }])
    expect(router.name).toBe('fewest_pending_tokens')
    expect(summary(router.route(testRequest(), cluster))).toBe(1)
  })

  test('parameters are the defaults, with overrides in their place', () => {
    const defaults = { weight: 0.5, limit: 10, mode: 'soft', label: 'x', strict: false }
    expect(parametersOf(tunable.create())).toEqual(defaults)
    expect(parametersOf(tunable.create({ weight: 1, label: undefined }))).toEqual({
      ...defaults,
      weight: 1,
    })
  })

  test.each([
    [{ weight: 2 }, 'algorithms.tunable.weight: expected a number from 0 to 1, got 2'],
    [{ weight: Number.NaN }, 'algorithms.tunable.weight: expected a number from 0 to 1, got NaN'],
    [{ weight: '1' }, 'algorithms.tunable.weight: expected a number from 0 to 1, got "1"'],
    [{ weight: null }, 'algorithms.tunable.weight: expected a number from 0 to 1, got null'],
    [{ limit: 0 }, 'algorithms.tunable.limit: expected an integer >= 1, got 0'],
    [{ limit: 1.5 }, 'algorithms.tunable.limit: expected an integer >= 1, got 1.5'],
    [{ mode: 'firm' }, 'algorithms.tunable.mode: expected one of soft, hard, got "firm"'],
    [{ label: 7 }, 'algorithms.tunable.label: expected a string, got 7'],
    [{ label: [] }, 'algorithms.tunable.label: expected a string, got an array'],
    [{ strict: 1 }, 'algorithms.tunable.strict: expected true or false, got 1'],
  ])('%o is refused', (overrides, message) => {
    expect(() => tunable.create(overrides)).toThrow(
      expect.objectContaining({ name: 'RouteSimError', code: 'parameter_invalid', message }),
    )
  })

  test('an unknown parameter is refused, with the nearest as a hint', () => {
    expect(() => tunable.create({ wieght: 1 })).toThrow(
      expect.objectContaining({
        code: 'parameter_unknown',
        path: 'algorithms.tunable.wieght',
        message:
          'algorithms.tunable.wieght: unknown parameter, expected one of weight, limit, mode, label, strict',
        hint: 'Did you mean "weight"?',
      }),
    )
    expect(() => tunable.create({ constructor: 1 })).toThrow(/unknown parameter/)
  })

  test('each algorithm is fresh, and a class keeps its methods and private state', () => {
    class Counter {
      #calls = 0
      route() {
        return { kind: 'reject', reason: String(++this.#calls) } as const
      }
    }
    const counter = defineRouter({
      name: 'counter',
      description: 'Counts.',
      create: () => new Counter(),
    })
    const [a, b] = [counter.create(), counter.create()]
    const decide = (router: RoutingAlgorithm) =>
      summary(router.route(testRequest(), testCluster([])))
    expect([decide(a), decide(a), decide(b), a.name]).toEqual(['1', '2', '1', 'counter'])
  })

  const route = () => ({ kind: 'reject', reason: '' }) as const
  class Misspelt {
    route = route
    OnReplies() {}
  }
  test.each([
    ['onFinish', { route, onFinish() {} }, 'onFinished'],
    ['onFirstTokens', { route, onFirstTokens() {} }, 'onFirstToken'],
    ['customMetric', { route, customMetric: () => ({}) }, 'customMetrics'],
    ['OnReplies', new Misspelt(), 'onReply'],
  ])('a misspelt hook is refused: %s', (written, algorithm, hook) => {
    const router = defineRouter({ name: 'a', description: '', create: () => algorithm })
    expect(() => router.create()).toThrow(
      expect.objectContaining({
        code: 'router_invalid',
        message: expect.stringContaining(`algorithms.a.${written}: expected`),
        hint: `Did you mean "${hook}"?`,
      }),
    )
  })

  test('functions that are no hooks are its own, near ones too beside the hook itself', () => {
    const helpers = { metrics() {}, timer() {}, finished() {}, onStart() {}, pick() {} }
    const algorithm = { route, ...helpers, onFinished() {}, onFinish() {}, onFinishes: 3 }
    const router = defineRouter({ name: 'a', description: '', create: () => algorithm })
    expect(router.create()).toMatchObject(algorithm)
  })

  test('a mistake in the definition itself is refused', () => {
    const create = () => ({ route: () => ({ kind: 'reject', reason: '' }) as const })
    expect(() => defineRouter({ name: 'My Router', description: '', create })).toThrow(
      /^router name: .* got "My Router"$/,
    )
    const parameters = { share: { default: 2, max: 1, description: '' } }
    expect(() => defineRouter({ name: 'a', description: '', parameters, create })).toThrow(
      'algorithms.a.share: expected a number <= 1, got 2',
    )
    // @ts-expect-error: an algorithm without route
    const broken = defineRouter({ name: 'broken', description: '', create: () => ({}) })
    expect(() => broken.create()).toThrow(expect.objectContaining({ code: 'router_invalid' }))
    // @ts-expect-error: no name
    expect(() => defineRouter({ description: '', create })).toThrow(/^router name: .* got none$/)
    // @ts-expect-error: no create
    expect(() => defineRouter({ name: 'a', description: '' })).toThrow(
      'algorithms.a: expected create() that returns an object with a route function, got undefined',
    )
    const bare = { weight: 5 } as never
    expect(() => defineRouter({ name: 'a', description: '', parameters: bare, create })).toThrow(
      expect.objectContaining({
        code: 'router_invalid',
        message: 'algorithms.a.weight: expected a parameter with its default, got 5',
        hint: 'Say both, as in { default: 5, description: "..." }.',
      }),
    )
  })

  test('a definition is frozen', () => {
    expect(Object.isFrozen(tunable)).toBe(true)
    expect(Object.isFrozen(tunable.parameters)).toBe(true)
  })
})

test('a router made of that of another definition has its own name', () => {
  const inner = defineRouter({
    ...{ name: 'inner', description: 'Inner.', parameters: {} },
    create: () => ({ route: (_, cluster) => cluster.backends[0]! }),
  })
  const outer = defineRouter({
    ...{ name: 'outer', description: 'Outer.', parameters: {} },
    create: () => inner.create(),
  })
  expect([outer.create().name, inner.create().name]).toEqual(['outer', 'inner'])
})

test.each([
  ['paramters', 'parameters'],
  ['preset', 'presets'],
  ['Rule', 'rule'],
])('an option that nearly is one is refused: %s', (typo, option) => {
  const options = { name: 'a', description: '', create: () => ({ route: () => undefined }) }
  expect(() => defineRouter({ ...options, [typo]: {} } as never)).toThrow(
    expect.objectContaining({
      code: 'router_invalid',
      message: `algorithms.a.${typo}: unknown option`,
      hint: `Did you mean "${option}"?`,
    }),
  )
})

test('options of one own that are near to none are let be', () => {
  const options = { name: 'a', description: '', parameters: {}, version: 2, parameter: 1 }
  expect(defineRouter({ ...options, create: () => ({ route: () => hold() }) }).name).toBe('a')
})

test('what create throws comes with the name of the router', () => {
  const broken = (cause: unknown): RouterDefinition =>
    defineRouter({
      ...{ name: 'broken', description: '' },
      create: () => {
        throw cause
      },
    })
  const cause = new TypeError('oops')
  expect(() => broken(cause).create()).toThrow(
    expect.objectContaining({
      ...{ code: 'router_failed', cause },
      message: 'router "broken" threw in create(): TypeError: oops',
    }),
  )
  const told = new RouteSimError('no such ring', { code: 'ring_invalid', hint: 'Look.' })
  const outer = defineRouter({
    ...{ name: 'outer', description: '' },
    create: () => broken(told).create(),
  })
  expect(() => outer.create()).toThrow(
    expect.objectContaining({
      ...{ code: 'ring_invalid', hint: 'Look.' },
      message: 'router "broken": create(): no such ring',
    }),
  )
})
