import { expect, test } from 'vitest'
import { capacity } from '../answers/capacity.js'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'

const misspelt = parseConfig(`
[cluster]
num_backends = 2
served_model_name = "llama-70b"
[workload]
requests = 300
prompt_tokens = 500
output_tokens = 20
models = { names = ["llama-70b", "lama-70b"], weights = [9, 1] }
[workload.arrivals]
rate_rps = 2
[slo]
ttft_ms = 1000
attainment = 0.8
`)

test('requests for a model that nobody serves are told, and are no overload', async () => {
  const algorithms = ['round_robin']
  const kept = await compare({ config: misspelt, algorithms })
  expect(kept.results[0]!.saturation).toMatchObject({ verdict: 'stable' })
  expect(kept.scenario.notes).toEqual([
    '13% of the requests ask for models that no backend serves (lama-70b): they are rejected at any load',
  ])
  const lean = await compare({ config: misspelt, algorithms, perRequest: false })
  expect(lean.results[0]!.saturation).toEqual(kept.results[0]!.saturation)
  expect(lean.scenario.notes).toEqual([
    '13% of the requests ask for models that no backend serves: they are rejected at any load',
  ])
})

test('a fleet has a capacity though some requests ask for a model that nobody serves', async () => {
  const { answers, scenario } = await capacity({ config: misspelt, seeds: 1, precision: 0.5 })
  expect(answers[0]!.meets).toBeGreaterThan(2)
  expect(scenario.notes[0]).toMatch(/no backend serves \(lama-70b\)/)
})
