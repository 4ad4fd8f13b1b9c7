import { RequestTableBuilder } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const CONFIG = `
[cluster]
num_backends = 2
[trace]
rate = 5
duration_sec = 40
gen_tokens_mean = 20
`

test('a fleet costs less for a backend that is there half of the time, also without per-request data', async () => {
  const gpuSeconds = async (events: string, perRequest: boolean): Promise<number> => {
    const config = parseConfig(CONFIG + events)
    const { results } = await compare({ config, algorithms: ['round_robin'], perRequest })
    const [of] = results
    const { duration_ms, completed_requests, fleet_gpu_seconds_per_request } = of as RunSummary
    return (1000 * fleet_gpu_seconds_per_request! * completed_requests) / duration_ms
  }
  const removed = '[[events]]\nkind = "remove"\nbackend = 1\nat_sec = 20\n'
  const added = '[[events]]\nkind = "add"\nbackend = 1\nat_sec = 20\n'
  for (const perRequest of [true, false]) {
    expect(await gpuSeconds('', perRequest)).toBeCloseTo(2, 6)
    expect(await gpuSeconds(removed, perRequest)).toBeCloseTo(1.5, 1)
    expect(await gpuSeconds(added, perRequest)).toBeCloseTo(1.5, 1)
  }
})

const EXACT = `
[cluster]
price_per_hour = 3.6
compute_model = { kind = "affine", base_ms = 10, prefill_ms_per_token = 1, decode_ms_per_request = 0 }
`

/** GPU seconds that are paid for, and those in steps. */
async function paid(
  toml: string,
  requests: readonly (readonly [ms: number, promptTokens: number, outputTokens: number])[],
  perRequest: boolean,
): Promise<{ fleet: number; busy: number; usd: number | null }> {
  const builder = new RequestTableBuilder()
  for (const [arrivalMs, promptTokens, outputTokens] of requests) {
    builder.add({ arrivalMs, promptTokens, outputTokens })
  }
  const config = parseConfig(EXACT + toml)
  const how = { config, trace: builder.build(), perRequest, jobs: 1 }
  const { results } = await compare({ ...how, algorithms: ['round_robin'] })
  const of = results[0] as RunSummary
  return {
    fleet: of.fleet_gpu_seconds_per_request! * of.completed_requests,
    busy: of.gpu_seconds_per_request! * of.completed_requests,
    usd: of.estimated_cost_per_1k_tokens,
  }
}

test.each([true, false])(
  'what is left of the warm-up is paid for (per request: %s)',
  async (on) => {
    const { fleet, busy, usd } = await paid(
      `num_backends = 2
[simulation]
warmup_requests = 1
[[events]]
kind = "remove"
backend = 0
at_sec = 1
`,
      [
        [0, 10, 999],
        [2000, 10, 800],
      ],
      on,
    )
    expect(fleet).toBeCloseTo(busy, 6)
    expect(usd).toBeCloseTo(0.019765, 6)
  },
)

test.each([true, false])(
  'a backend that comes back before it has ended what it had is paid for throughout (per request: %s)',
  async (on) => {
    const { fleet } = await paid(
      `num_backends = 1
[[events]]
kind = "remove"
backend = 0
at_sec = 1
[[events]]
kind = "add"
backend = 0
at_sec = 5
`,
      [[0, 10, 999]],
      on,
    )
    expect(fleet).toBeCloseTo(10, 6)
  },
)

test.each([true, false])(
  'a prefill backend is paid for until it has sent the KV cache (per request: %s)',
  async (on) => {
    const { fleet } = await paid(
      `num_backends = 2
[cluster.disaggregated]
enabled = true
prefill_backends = 1
decode_backends = 1
kv_transfer_latency_us = 5e6
[[events]]
kind = "remove"
backend = 0
at_sec = 0.01
`,
      [[0, 10, 10]],
      on,
    )
    // Prefill until 20 ms, 5 s on the way, nine steps of 10 ms.
    expect(fleet).toBeCloseTo(5.02 + 5.11, 2)
  },
)
