import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

/** Every step takes 10 ms, and every request two of them. */
const CONFIG = `
[cluster]
num_backends = 2
compute_model = { kind = "affine", base_ms = 10, prefill_ms_per_token = 0, decode_ms_per_request = 0 }
[slo]
ttft_ms = 1000
[workload]
prompt_tokens = 10
output_tokens = 2
arrivals = { kind = "users", users = 2 }
[[events]]
kind = "fail"
backend = 0
at_sec = 0.035
`

test('a failure does not end a user of a closed loop, nor the requests that are left for it', async () => {
  const config = parseConfig(CONFIG.replace('[workload]', '[workload]\nrequests = 6'))
  const { results, scenario } = await compare({ config, algorithms: ['round_robin'] })
  const { saturation, slo, ...counts } = results[0] as RunSummary
  // Both send at 0 and at 20 ms. One request is lost at 35 ms, and the next sent: it and the last, of 40 ms, end at 60.
  expect(counts).toMatchObject({
    completed_requests: 5,
    failed_requests: 1,
    rejected_requests: 0,
    unsent_requests: 0,
    duration_ms: 60,
  })
  expect(saturation.offered_per_sec).toBeCloseTo(5 / 0.04, 6)
  expect(slo!.attainment).toBeCloseTo(5 / 6, 9)
  expect(scenario.spanMs).toBeCloseTo(40, 6)
})

test('turns that are never sent are neither rejected nor missed, and the next conversation begins', async () => {
  const config = parseConfig(
    CONFIG.replace(
      '[workload]',
      '[workload]\nrequests = 12\nsessions = { turns = 3, new_tokens = 1, think_time_sec = 0 }',
    ),
  )
  const { results, verdict } = await compare({ config, algorithms: ['round_robin', 'random'] })
  const [{ saturation, slo, ...counts }] = results as [RunSummary]
  // The second turn of the first conversation is lost, and its third never sent.
  expect(counts).toMatchObject({
    total_requests: 12,
    completed_requests: 10,
    failed_requests: 1,
    rejected_requests: 0,
    unsent_requests: 1,
    rejected_by_reason: {},
  })
  expect([saturation.rejected_share, slo!.requests]).toEqual([0, 11])
  expect(slo!.attainment).toBeCloseTo(10 / 11, 9)
  expect(verdict.join(' ')).not.toMatch(/reject/)
})
