import { RandomStream } from '@routesim/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest, testUsage } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { builtinCombinators } from './builtin-combinators.js'
import { builtinRouters, findRouter } from './builtin-routers.js'

const backend = fc.record({
  healthy: fc.boolean(),
  waiting: fc.integer({ min: 0, max: 10 }),
  running: fc.integer({ min: 0, max: 20 }),
  kvUsage: fc.integer({ min: 0, max: 4 }).map((quarters) => quarters / 4),
})
const request = fc.record({
  prefixTokens: fc.constantFrom(0, 10, 48, 100),
  session: fc.constantFrom(undefined, 'a', 'b', 'c'),
})
/** What a router meets in one run: a sequence of requests, each with the cluster as it is then. */
const run = fc.array(
  fc.record({
    request,
    states: fc.array(backend, { maxLength: 6 }),
    matchedTokens: fc.array(fc.constantFrom(0, 16, 48, 96), { minLength: 6, maxLength: 6 }),
    gapMs: fc.integer({ min: 0, max: 5000 }),
  }),
  { maxLength: 20 },
)

test.each(builtinCombinators)('$name says where its presets are from', ({ presets }) => {
  for (const { mirrors } of Object.values(presets)) expect(mirrors).toMatch(/^.{4,}$/)
})

describe.each(builtinRouters)('$name', (definition) => {
  test('has all that its page shows: rule, when it wins and loses, source, and where presets are from', () => {
    const { manifest, presets } = definition
    for (const text of [manifest.rule, manifest.wins, manifest.loses]) {
      expect(text).toMatch(/^[A-Z0-9].{15,}\.$/)
    }
    expect(manifest.source).toMatch(/^.{4,}[^.]$/)
    for (const { mirrors } of Object.values(presets)) expect(mirrors).toMatch(/^.{4,}$/)
  })

  test('always chooses an available backend, and rejects only when there is none', () => {
    fc.assert(
      fc.property(run, fc.nat(), (steps, seed) => {
        const router = definition.create()
        const random = new RandomStream(seed, 'router')
        let nowMs = 0
        for (const { request, states, matchedTokens, gapMs } of steps) {
          nowMs += gapMs
          const cluster = testCluster(states, { random, nowMs, matchedTokens })
          const decision = router.route(testRequest(request), cluster)
          if (decision.kind === 'backend') {
            expect(decision.available).toBe(true)
            expect(cluster.backends).toContain(decision)
          } else if (decision.kind === 'hold') {
            expect(['skywalker', 'dualmap', 'aibrix_slo']).toContain(definition.name)
            expect(decision.untilMs).toBeGreaterThan(nowMs)
            expect(decision.untilMs).toBeLessThan(Number.POSITIVE_INFINITY)
          } else {
            expect(decision).toEqual({ kind: 'reject', reason: 'no_available_backend' })
            expect(cluster.backends.some(({ available }) => available)).toBe(false)
          }
        }
      }),
    )
  })

  test('decides the same for the same stream, whatever else was created', () => {
    fc.assert(
      fc.property(run, fc.nat(), (steps, seed) => {
        const decisions = () => {
          const router = definition.create()
          const random = new RandomStream(seed, 'router')
          return steps.map(({ request, states, matchedTokens, gapMs }, i) =>
            summary(
              router.route(
                testRequest(request),
                testCluster(states, { random, nowMs: i * gapMs, matchedTokens }),
              ),
            ),
          )
        }
        expect(decisions()).toEqual(decisions())
      }),
      { numRuns: 50 },
    )
  })

  test('has a description of one sentence, and of each parameter', () => {
    for (const { description } of [definition, ...Object.values(definition.parameters)]) {
      expect(description).toMatch(/^[A-Z][^.]*\.$/)
    }
  })

  test('is found by its name, in either spelling', () => {
    expect(findRouter(definition.name)).toBe(definition)
    expect(findRouter(definition.name.replaceAll('_', '-'))).toBe(definition)
    expect(definition.create().name).toBe(definition.name)
  })
})

test('an unknown router is refused, with the names there are and the nearest', () => {
  expect(() => findRouter('round_robbin')).toThrow(
    expect.objectContaining({
      code: 'router_unknown',
      message: `unknown router "round_robbin": expected one of ${builtinRouters.map(({ name }) => name).join(', ')}`,
      hint: 'Did you mean "round_robin"?',
    }),
  )
  expect(() => findRouter('zzz')).toThrow(expect.not.objectContaining({ hint: expect.anything() }))
})

test.each(['gate', 'flow-control@dynamo'])('%s alone is told to go around a router', (name) => {
  expect(() => findRouter(name)).toThrow(
    expect.objectContaining({
      code: 'router_unknown',
      hint: expect.stringMatching(/^It goes around a router: "(gate|flow_control)\(NAME\)"/),
    }),
  )
})

test('parameters are checked against their ranges', () => {
  expect(() => findRouter('prefix_aware').create({ cache_weight: 2 })).toThrow(
    'algorithms.prefix_aware.cache_weight: expected a number from 0 to 1, got 2',
  )
  expect(() => findRouter('round_robin').create({ ties: 'first' })).toThrow(
    'algorithms.round_robin.ties: unknown parameter, round_robin has no parameters',
  )
})

test('the list is frozen and names are unique', () => {
  expect(Object.isFrozen(builtinRouters)).toBe(true)
  expect(new Set(builtinRouters.map(({ name }) => name)).size).toBe(builtinRouters.length)
})

test.each([
  ['aibrix_prefix_cache', { index: 'approximate' }],
  ['dualmap', { index: 'approximate', block_tokens: 16, max_pending: 100 }],
  ['dynamo_kv', { index: 'approximate' }],
  ['dynamo_kv', { predicted_ttl_sec: 2 }],
  ['epp_scorers', { index: 'approximate' }],
  ['epp_sticky', { index: 'approximate' }],
  ['preble', {}],
  ['production_stack_prefix_aware', {}],
  ['ray_prefix_affinity', {}],
  ['sglang_cache_aware', {}],
  ['skywalker', {}],
] as const)('%s forgets runs whose ids are given to others (%o)', (name, parameters) => {
  const goesTo = (isForgotten: boolean): unknown[] => {
    const found = new Set<unknown>()
    for (let seed = 0; seed < 20; seed++) {
      const router = findRouter(name).create(parameters)
      const random = new RandomStream(seed, 'router')
      const prompt = testPrompt([1, 4, 13])
      const before = testCluster([{ healthy: false }, {}], { random })
      const backend = before.backends[1]!
      router.route(prompt, before)
      router.onDispatched?.(prompt, backend, before, backend)
      router.onFinished?.(prompt, backend, before, testUsage())
      if (isForgotten) router.onRunsForgotten!([1, 4, 13])
      found.add(summary(router.route(prompt, testCluster([{}, {}], { random }))))
    }
    return [...found]
  }
  expect(goesTo(false)).toEqual([1])
  expect(goesTo(true)).toContain(0)
})
