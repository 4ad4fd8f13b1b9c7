import { expect, test } from 'vitest'
import type { XyChart } from '../chart/chart.js'
import { plotCharts } from './plot-charts.js'
import { readResults } from './read-results.js'

/** Points of a sweep, as its JSON has them. */
const swept = (latencies: Readonly<Record<number, readonly number[]>>): object[] =>
  Object.entries(latencies).flatMap(([backends, values]) =>
    values.map((p99, i) => ({
      algorithm: 'round_robin',
      settings: { 'cluster.num_backends': Number(backends) },
      rate: i + 1,
      gen_tokens_per_sec: 100 * (i + 1),
      ttft: { p50: p99, p99 },
    })),
  )

const drawn = (files: readonly (readonly object[])[], kind: 'rate' | 'pareto'): XyChart => {
  const named = files.map((json, i) => ({ name: `file ${i + 1}`, json }))
  return plotCharts(readResults(named), kind)[0] as XyChart
}

test('points of a sweep that differ in a setting are curves of their own', () => {
  const { series } = drawn([swept({ 2: [40, 50], 4: [30, 35] })], 'rate')
  expect(series.map(({ name, x, y }) => [name, x, y])).toEqual([
    ['round_robin num_backends=2', [1, 2], [40, 50]],
    ['round_robin num_backends=4', [1, 2], [30, 35]],
  ])
})

test('sweeps of several files are curves of their own', () => {
  const { series } = drawn([swept({ 2: [40, 50] }), swept({ 2: [60, 70] })], 'rate')
  expect(series.map(({ name, y }) => [name, y])).toEqual([
    ['round_robin num_backends=2 (file 1)', [40, 50]],
    ['round_robin num_backends=2 (file 2)', [60, 70]],
  ])
})

test('a point is on the front itself, not by the name of one that is', () => {
  const { table } = drawn([swept({ 2: [40, 50] }), swept({ 2: [30, 60] })], 'pareto')
  const marked = table.rows.map(([name, isOnFront, rate]) => [name?.slice(-2, -1), rate, isOnFront])
  expect(marked).toEqual([
    ['1', '1', ''],
    ['1', '2', 'yes'],
    ['2', '1', 'yes'],
    ['2', '2', ''],
  ])
})

test('samples of several files are charts of their own, those of several seeds are one', () => {
  const look = (seed: number) => ({
    ...{ algorithm: 'random', seed, time_ms: 10, backend: 0 },
    ...{ utilization: 1, kv_held: 0, kv_cached: 0 },
  })
  const files = [[look(1), look(2)], [look(1)]].map((json, i) => ({ name: `file ${i + 1}`, json }))
  const titles = plotCharts(readResults(files), 'load').map(({ title }) => title)
  expect(titles.filter((title) => title.startsWith('Busy'))).toEqual([
    'Busy share of the time: random (file 1)',
    'Busy share of the time: random (file 2)',
  ])
})
