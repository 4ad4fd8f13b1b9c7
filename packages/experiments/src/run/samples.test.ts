import type { RunSummary } from '@routesim/metrics'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

const algorithms = ['round_robin', 'prefix_overlap']

// Preemptions, cache evictions, several ranks, prefill and decode apart: whatever a look could disturb.
const FLEETS = {
  'short of KV blocks': '[cluster]\nnum_backends = 3\nkv_cache_blocks = 160\nmax_queue_depth = 20',
  ranks: '[cluster]\nnum_backends = 2\ndp = 2\nkv_cache_blocks = 400',
  'prefill and decode apart':
    '[cluster]\nnum_backends = 3\n[cluster.disaggregated]\nenabled = true\nprefill_backends = 1\ndecode_backends = 2',
  'host memory': '[cluster]\nnum_backends = 2\nkv_cache_blocks = 200\npreemption = "swap"',
}
const TRAFFIC = '[trace]\nrate = 25\nduration_sec = 30\nnum_prefixes = 5'

test.each(Object.entries(FLEETS))('looking changes nothing: %s', async (_, fleet) => {
  const config = parseConfig(`${fleet}\n${TRAFFIC}`)
  const plain = await compare({ config, algorithms, jobs: 1 })
  for (const perRequest of [true, false]) {
    const watched = await compare({ config, algorithms, jobs: 1, sampleIntervalMs: 70, perRequest })
    const unwatched = perRequest
      ? plain
      : await compare({ config, algorithms, jobs: 1, perRequest })
    expect(rounded(watched.results)).toEqual(rounded(unwatched.results))
    expect(watched.samples).toHaveLength(2)
  }
  expect(plain.samples).toEqual([])
})

/** Sums of times differ in their last bits with the places where they are cut. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, inner) =>
      typeof inner === 'number' ? Number(inner.toPrecision(9)) : inner,
    ),
  )
}

test('stretches add up to the run, on workers too', async () => {
  const config = parseConfig(`[cluster]\nnum_backends = 3\n${TRAFFIC}`)
  const options = { config, algorithms, sampleIntervalMs: 500 }
  const one = await compare({ ...options, jobs: 1 })
  const two = await compare({ ...options, jobs: 2 })
  expect(two.samples).toEqual(one.samples)
  const { rows } = one.samples[0]!
  const [summary] = one.results as RunSummary[]
  for (const backend of [0, 1, 2]) {
    const own = rows.filter((row) => row.backend === backend)
    const tokens = own.reduce((sum, { time_ms, decode_tokens_per_sec }, i) => {
      const fromMs = i === 0 ? 0 : own[i - 1]!.time_ms
      return sum + (decode_tokens_per_sec! * (time_ms - fromMs)) / 1000
    }, 0)
    expect(tokens).toBeCloseTo(summary!.per_backend[backend]!.decode_tokens, 3)
    expect(own.slice(0, -1).map(({ time_ms }) => time_ms % 500)).toEqual(own.slice(1).map(() => 0))
    expect(own.at(-1)).toMatchObject({ running: 0, waiting: 0 })
    for (const { utilization } of own) expect(utilization).toBeLessThan(1 + 1e-9)
  }
  expect(rows.some(({ hit_rate }) => hit_rate! > 0)).toBe(true)
})

test('without per-request data, samples have no hit rates of the warm-up, and that is said', async () => {
  const config = parseConfig(
    `[simulation]\nwarmup_requests = 300\n[cluster]\nnum_backends = 3\n${TRAFFIC}`,
  )
  const found = (perRequest: boolean) =>
    compare({ config, algorithms: ['random'], jobs: 1, sampleIntervalMs: 5000, perRequest })
  const [known, unknown] = [await found(true), await found(false)]
  expect(known.samples[0]!.rows[0]!.hit_rate).not.toBeNull()
  expect(unknown.samples[0]!.rows[0]!.hit_rate).toBeNull()
  expect(known.scenario.notes).toEqual([])
  expect(unknown.scenario.notes).toEqual([
    expect.stringMatching(/^hit rates of samples leave the warm-up out/),
  ])
})

test('more samples than are kept are not taken, and a note says so', async () => {
  const config = parseConfig('[cluster]\nnum_backends = 1\n[trace]\nrate = 1\nduration_sec = 50')
  const notesOf = async (sampleIntervalMs: number) =>
    (await compare({ config, algorithms: ['random'], jobs: 1, sampleIntervalMs })).scenario.notes
  expect(await notesOf(5)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^samples are 0\.02 s apart, not 0\.005: /)]),
  )
  expect((await notesOf(100)).join()).not.toContain('apart')
})
