import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const config = parseConfig('[cluster]\nnum_backends = 2\n[trace]\nrate = 20\nduration_sec = 3\n')

test('what was stopped names the seeds of which something is finished', async () => {
  const controller = new AbortController()
  const { scenario, results, interrupted } = await compare({
    ...{ config, algorithms: ['random'], seeds: 5, seed: 7, jobs: 1 },
    signal: controller.signal,
    onProgress: ({ finishedRuns }) => {
      if (finishedRuns === 2) controller.abort()
    },
  })
  expect(interrupted).toBe(true)
  expect(scenario.seeds).toEqual([7, 8])
  expect(results).toMatchObject([{ seeds: [7, 8] }])
  const whole = await compare({ config, algorithms: ['random'], seeds: 3, seed: 7 })
  expect(whole.scenario.seeds).toEqual([7, 8, 9])
})
