import type { BackendSnapshot } from '@routesim/core'
import { expect, test } from 'vitest'
import { runResult } from '../testing/run-result.js'
import { LoadSeries } from './load-series.js'

const [idle] = runResult([{ arrivalMs: 0 }], [{}]).backends

function snapshot(id: number, totals: Partial<BackendSnapshot>): BackendSnapshot {
  return { waiting: 0, running: 0, ...idle!, ...totals, id }
}

test('counters are told as what was gained in each stretch, levels as they stood at its end', () => {
  const series = new LoadSeries(1, 1000)
  const first = { busyMs: 500, steps: 10, decodeTokens: 40, prefillTokens: 2000 }
  expect(series.sample(1000, [snapshot(0, { ...first, waiting: 3, heldBlocks: 25 })])).toBe(2000)
  const second = { busyMs: 1250, steps: 20, decodeTokens: 140, prefillTokens: 2000 }
  series.sample(2000, [snapshot(0, { ...second, running: 10 })])
  expect(series.rows()).toMatchObject([
    {
      time_ms: 1000,
      utilization: 0.5,
      mean_batch_size: 4,
      waiting: 3,
      kv_held: 0.25,
      hit_rate: null,
      prefill_tokens_per_sec: 2000,
    },
    {
      time_ms: 2000,
      utilization: 0.75,
      mean_batch_size: 10,
      running: 10,
      decode_tokens_per_sec: 100,
      prefill_tokens_per_sec: 0,
    },
  ])
})

test('cache hits count where and when requests were admitted', () => {
  const facts = [
    { arrivalMs: 0, admittedMs: 100, cachedTokens: 0, prefillBackend: 1, finishedMs: 900 },
    { arrivalMs: 0, admittedMs: 900, cachedTokens: 60, prefillBackend: 1, finishedMs: 1000 },
    { arrivalMs: 0, admittedMs: 1500, cachedTokens: 90, prefillBackend: 0, finishedMs: 1600 },
    { arrivalMs: 0, rejectReason: 'queue_full' },
  ]
  const { requests, outcomes } = runResult(facts, [{}, {}])
  const series = new LoadSeries(2, 1000)
  const both = [snapshot(0, {}), snapshot(1, {})]
  series.sample(1000, both)
  series.sample(2000, both)
  for (let row = 0; row < requests.size; row++) series.addRequest(row, requests, outcomes)
  expect(series.rows().map(({ hit_rate }) => hit_rate)).toEqual([null, 0.3, 0.9, null])
})

test('a long run is looked at less often, and what was gained still adds up', () => {
  const series = new LoadSeries(128, 10)
  const { requests, outcomes } = runResult(
    [{ arrivalMs: 0, admittedMs: 5, cachedTokens: 50, prefillBackend: 0, finishedMs: 6 }],
    [{}],
  )
  series.addRequest(0, requests, outcomes)
  let nextMs = series.firstMs
  for (let looks = 0; looks < 10_000; looks++) {
    const busyMs = nextMs * 0.5
    const fleet = Array.from({ length: 128 }, (_, id) => snapshot(id, { busyMs, steps: nextMs }))
    nextMs = series.sample(nextMs, fleet)
  }
  const rows = series.rows()
  expect(rows.length).toBeLessThanOrEqual(2 ** 17)
  expect(rows.length).toBeGreaterThan(2 ** 15)
  expect(Math.log2(series.intervalMs / 10) % 1).toBe(0)
  expect(new Set(rows.map(({ utilization }) => utilization))).toEqual(new Set([0.5]))
  expect(rows[0]).toMatchObject({ time_ms: series.intervalMs, hit_rate: 0.5 })
})

test('stretches that are made one have the cache hits of both', () => {
  const facts = [
    { arrivalMs: 0, admittedMs: 5, cachedTokens: 20, prefillBackend: 1, finishedMs: 6 },
    { arrivalMs: 0, admittedMs: 15, cachedTokens: 40, prefillBackend: 1, finishedMs: 16 },
    { arrivalMs: 0, admittedMs: 25, cachedTokens: 90, prefillBackend: 0, finishedMs: 26 },
  ]
  const { requests, outcomes } = runResult(facts, [{}, {}])
  const series = new LoadSeries(2, 10)
  for (let row = 0; row < requests.size; row++) series.addRequest(row, requests, outcomes)
  const both = [snapshot(0, {}), snapshot(1, {})]
  for (let nextMs = series.firstMs; series.intervalMs === 10; ) nextMs = series.sample(nextMs, both)
  const rows = series.rows().slice(0, 4)
  expect(rows.map(({ time_ms }) => time_ms)).toEqual([20, 20, 40, 40])
  expect(rows.map(({ hit_rate }) => hit_rate)).toEqual([null, 0.3, 0.9, null])
})

test('looks that a long run would drop are not taken, and the rest are the same', () => {
  const endMs = 100_000
  const rowsOf = (series: LoadSeries): [number, LoadSeries] => {
    let looks = 0
    for (let nextMs = series.firstMs; nextMs <= endMs; looks++) {
      nextMs = series.sample(nextMs, [snapshot(0, { busyMs: nextMs / 4, steps: nextMs })])
    }
    return [looks, series]
  }
  const [all, unaware] = rowsOf(new LoadSeries(1, 1))
  const [few, aware] = rowsOf(new LoadSeries(1, 1, { toMs: endMs }))
  expect(aware.rows()).toEqual(unaware.rows())
  expect(few).toBe(aware.rows().length)
  expect(all).toBeGreaterThan(2 * few)
})

test('an interval must be a time', () => {
  for (const ms of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new LoadSeries(1, ms)).toThrow(
      /^sample interval: expected a finite number of ms > 0/,
    )
  }
})

test('a run that begins late is looked at as often as one that begins at once', () => {
  const late = new LoadSeries(1, 1000, { fromMs: 90_000_250, toMs: 90_060_250 })
  expect([late.firstMs, late.intervalMs]).toEqual([90_001_000, 1000])
  const { requests, outcomes } = runResult(
    [
      {
        arrivalMs: 0,
        admittedMs: 90_001_200,
        cachedTokens: 50,
        prefillBackend: 0,
        finishedMs: 9e7,
      },
    ],
    [{}],
  )
  late.addRequest(0, requests, outcomes)
  expect(late.sample(90_001_000, [snapshot(0, { busyMs: 500 })])).toBe(90_002_000)
  late.sample(90_002_000, [snapshot(0, { busyMs: 750 })])
  expect(late.rows()).toMatchObject([
    { time_ms: 90_001_000, utilization: 0.5, hit_rate: null },
    { time_ms: 90_002_000, utilization: 0.25, hit_rate: 0.5 },
  ])
})
