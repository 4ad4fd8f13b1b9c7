import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { parseVisibility } from '../visibility/resolve-visibility.js'
import { listAlgorithms } from './list-algorithms.js'
import { resolveAlgorithms } from './resolve-algorithms.js'

const config = (algorithms = '') => parseConfig(`[cluster]\nnum_backends = 2\n${algorithms}`)
const labels = (choices: readonly string[], toml?: string) =>
  resolveAlgorithms(choices, config(toml), [parseVisibility('exact')]).map(({ label }) => label)

test('a preset is part of what results call an algorithm', () => {
  expect(
    labels(['dynamo-kv@load-aware:temperature=0.5', 'dynamo_kv', 'dynamo_kv@classic']),
  ).toEqual(['dynamo_kv@load_aware:temperature=0.5', 'dynamo_kv', 'dynamo_kv@classic'])
})

test('the config may name a preset too, and an unknown one is refused in both', () => {
  expect(labels(['dynamo_kv'], '[algorithms.dynamo_kv]\npreset = "tuned"')).toEqual(['dynamo_kv'])
  const message = /algorithms\.dynamo_kv\.preset: expected one of current, classic, .* got "x"/
  expect(() => labels(['dynamo_kv'], '[algorithms.dynamo_kv]\npreset = "x"')).toThrow(message)
  expect(() => labels(['dynamo_kv@x'])).toThrow(message)
})

test('the list says what each observes, and its presets', () => {
  const dynamo = listAlgorithms().find(({ name }) => name === 'dynamo_kv')
  expect(dynamo?.observes).toEqual(['own requests', 'kv cache contents'])
  expect(Object.keys(dynamo?.presets ?? {})).toContain('classic')
})
