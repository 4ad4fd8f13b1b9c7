import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { parseVisibility, toVisibility } from './resolve-visibility.js'
import { VISIBILITY_PROFILES } from './visibility-profiles.js'

const configured = (visibility: string) =>
  toVisibility(parseConfig(`[cluster]\nnum_backends = 2\n${visibility}`).visibility)

test('nothing said is exact', () => {
  expect(configured('')).toEqual({
    name: 'exact',
    metrics: 'live',
    prefixes: 'live',
    routers: { replicas: 1, split: 'random', syncMs: 0 },
    decision: { fixedMs: 0, perTokenMs: 0 },
    tokenError: 0,
    queryMs: 0,
    healthDelayMs: 0,
  })
})

test.each(VISIBILITY_PROFILES.map(({ name }) => name))('%s by its name, on both ways', (name) => {
  expect(parseVisibility(name)).toEqual(configured(`[visibility]\nprofile = "${name}"`))
  expect(parseVisibility(name).name).toBe(name)
})

test('what differs from a profile is part of its name', () => {
  const spec = 'llm-d:metrics_interval_ms=200,kv_event_loss=0.1,routers=4'
  const visibility = parseVisibility(spec)
  expect(visibility).toMatchObject({
    name: spec,
    metrics: { intervalMs: 200, delayMs: 0, dropProbability: 0 },
    prefixes: { delayMs: 0, lossProbability: 0.1 },
    routers: { replicas: 4 },
  })
  expect(parseVisibility('llm_d:routers=1').name).toBe('llm-d')
})

test('an interval makes exact metrics polled, and none can be asked for', () => {
  expect(parseVisibility('exact:metrics_interval_ms=10').metrics).toMatchObject({ intervalMs: 10 })
  expect(parseVisibility('llm-d:metrics=none').metrics).toBe('none')
  expect(parseVisibility('sglang:prefixes=kv_events').prefixes).toMatchObject({ delayMs: 0 })
})

test.each([
  ['llmd', 'expected a profile of exact, local-only, llm-d', 'Did you mean "llm-d"?'],
  [
    'llm-d:metrics_intervall_ms=2',
    'expected a key of profile, metrics, metrics_interval_ms',
    'Did',
  ],
  ['llm-d:metrics_drop=2', 'metrics_drop: expected a number from 0 to 1, got 2', ''],
  ['exact:metrics=polled', 'visibility.metrics_interval_ms: expected a number > 0', ''],
])('%s says what is wrong', (spec, message, hint) => {
  expect(() => parseVisibility(spec)).toThrow(message)
  try {
    parseVisibility(spec)
  } catch (error) {
    expect((error as { hint?: string }).hint ?? '').toContain(hint)
  }
})

test('a mistake in a config names its line', () => {
  expect(() => configured('[visibility]\nprofile = "llmd"')).toThrow(
    'config:4:1 visibility.profile: expected one of "exact"',
  )
})
