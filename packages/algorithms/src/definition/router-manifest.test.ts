import { describe, expect, test } from 'vitest'
import { builtinRouters } from '../registry/builtin-routers.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testRequest } from '../test-kit/test-request.js'
import { summary } from '../testing/summary.js'
import { defineRouter } from './define-router.js'

const tuned = defineRouter({
  name: 'tuned',
  description: 'Says what it was given.',
  observes: ['session'],
  parameters: {
    weight: { default: 1, min: 0, description: 'A weight.' },
    limit: { default: 10, description: 'A limit.' },
  },
  presets: { heavy_v1: { description: 'Heavy.', mirrors: 'nobody', parameters: { weight: 9 } } },
  create: (parameters) => ({
    route: () => ({ kind: 'reject', reason: `${parameters.weight} ${parameters.limit}` }),
  }),
})
const given = (overrides: Record<string, unknown>) =>
  summary(tuned.create(overrides).route(testRequest(), testCluster([])))

describe('presets', () => {
  test('go before defaults, and other parameters before them', () => {
    expect(given({})).toBe('1 10')
    expect(given({ preset: 'heavy_v1' })).toBe('9 10')
    expect(given({ preset: 'heavy-v1', limit: 3 })).toBe('9 3')
    expect(given({ preset: 'heavy_v1', weight: 2 })).toBe('2 10')
    expect(given({ preset: undefined })).toBe('1 10')
  })

  test('an unknown one is refused with the nearest', () => {
    expect(() => tuned.create({ preset: 'heavy' })).toThrow(
      expect.objectContaining({
        code: 'parameter_invalid',
        path: 'algorithms.tuned.preset',
        message: 'algorithms.tuned.preset: expected one of heavy_v1, got "heavy"',
      }),
    )
    expect(() => tuned.create({ preset: 3 })).toThrow('expected one of heavy_v1, got 3')
  })

  test('must fit the parameters', () => {
    const create = () => ({ route: () => ({ kind: 'reject', reason: '' }) as const })
    const base = { name: 'a', description: '', create }
    const preset = (parameters: object) => ({ x: { description: '', parameters } })
    expect(() => defineRouter({ ...base, presets: preset({ weight: 1 }) })).toThrow(
      'unknown parameter',
    )
    const parameters = { preset: { default: '', description: '' } }
    expect(() => defineRouter({ ...base, parameters, presets: preset({}) })).toThrow(
      'no parameter called preset',
    )
  })

  test.each([
    [{ weight: 5 }, '{"weight":5}'],
    [{ description: 'Heavy.' }, '{"description":"Heavy."}'],
    [5, '5'],
    [null, 'null'],
  ])('are more than their parameters: %o', (heavy, shown) => {
    expect(() =>
      defineRouter({
        name: 'a',
        description: '',
        parameters: { weight: { default: 1, description: '' } },
        presets: { heavy } as never,
        create: () => ({ route: () => ({ kind: 'reject', reason: 'no' }) }),
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'router_invalid',
        path: 'algorithms.a.presets.heavy',
        message: `algorithms.a.presets.heavy: expected a preset with its parameters, got ${shown}`,
        hint: 'Put the values under "parameters", as in { description: "...", parameters: { weight: 5 } }.',
      }),
    )
  })
})

test('a definition carries its manifest', () => {
  expect(tuned.manifest).toEqual({ observes: ['session'] })
})

describe.each(builtinRouters)('$name', ({ presets, create, manifest }) => {
  test('every preset makes a router, and says in a sentence what it stands for', () => {
    for (const [preset, { description }] of Object.entries(presets)) {
      expect(create({ preset }).route).toBeTypeOf('function')
      expect(description).toMatch(/^[A-Z].*\.$/)
    }
  })

  test('the manifest is in sentences', () => {
    for (const text of [manifest.rule, manifest.wins, manifest.loses]) {
      if (text !== undefined) expect(text).toMatch(/^[A-Z].*\.$/)
    }
  })
})
