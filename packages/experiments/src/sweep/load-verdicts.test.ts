import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { sweep } from './sweep.js'

const config = parseConfig(`
[simulation]
seed = 5
[cluster]
num_backends = 2
model = "llama-3.1-8b"
gpu = "h100-sxm"
[trace]
num_prefixes = 20
`)

test('a fleet that is overloaded at a rate is not stable at a higher one', async () => {
  const rates = [100, 120, 134, 150, 160, 170, 180, 220]
  const { points } = await sweep({ config, rates, durationSec: 20, seeds: 1, jobs: 1 })
  const verdicts = points.map(({ result }) => result.saturation.verdict)
  expect(verdicts.slice(0, 2)).toEqual(['stable', 'stable'])
  expect(verdicts.slice(2)).toEqual(rates.slice(2).map(() => 'overloaded'))
})
