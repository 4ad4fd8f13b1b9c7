import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

/** One backend that takes 130 ms a request, of which one comes every 100 ms after those that warm it up. */
async function judged(offsetMs: number, warmup: number, perRequest: boolean) {
  const config = parseConfig(`
[simulation]
warmup_requests = ${warmup}
[cluster]
num_backends = 1
max_num_seqs = 1
max_queue_depth = 100000
compute_model = { kind = "affine", base_ms = 130, prefill_ms_per_token = 0, decode_ms_per_request = 0 }
[trace]
path = "x.jsonl"
`)
  const builder = new RequestTableBuilder()
  const add = (arrivalMs: number) => builder.add({ arrivalMs, promptTokens: 10, outputTokens: 1 })
  for (let i = 0; i < warmup; i++) add(10_000 * i)
  for (let i = 0; i < 600; i++) add(offsetMs + 100 * i)
  const trace = builder.build()
  const how = { config, trace, perRequest, sampleIntervalMs: 1000, jobs: 1 }
  const { results, samples } = await compare({ ...how, algorithms: ['round_robin'] })
  return { load: results[0]!.saturation, rows: samples[0]!.rows }
}

test('load is judged alike whenever requests come, and whatever came before', async () => {
  const expected = await judged(0, 0, true)
  expect(expected.load.verdict).toBe('overloaded')
  for (const perRequest of [true, false]) {
    for (const [offsetMs, warmup] of [
      [0, 0],
      [36e6, 0],
      [90e6, 0],
      [9e6, 900],
    ] as const) {
      const { load, rows } = await judged(offsetMs, warmup, perRequest)
      expect(load).toEqual(expected.load)
      if (warmup > 0) continue
      const timesMs = rows.map(({ time_ms }) => time_ms - offsetMs)
      expect(timesMs).toEqual(expected.rows.map(({ time_ms }) => time_ms))
      expect(timesMs.slice(0, 2)).toEqual([1000, 2000])
    }
  }
})
