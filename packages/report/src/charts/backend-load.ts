import type { LoadOverTime } from '@routesim/metrics'
import type { Chart, HeatmapChart, XyChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { labelOf, type ReportedResult } from '../results/reported-result.js'

/** What is shown of backends over time. */
export type LoadKind = 'waiting' | 'running' | 'token_hit_rate'

const TITLES: Readonly<Record<LoadKind, string>> = {
  waiting: 'Waiting requests',
  running: 'Running requests',
  token_hit_rate: 'Cached share of prompt tokens',
}

/** Up to so many backends are lines; more are rows of colours. */
const MOST_LINES = 4
/** More rows than this can not be told apart: the busiest are shown. */
const MOST_ROWS = 40

/**
 * One number of every backend over time; undefined when the result has no details.
 * @param most - value of the strongest colour: that of several results makes them comparable
 */
export function backendLoad(
  reported: ReportedResult,
  kind: LoadKind,
  id: string,
  most: number = highestLoad([reported], kind),
): Chart | undefined {
  const { detail } = reported
  if (detail === undefined) return undefined
  const { load } = detail
  return load.backends.length <= MOST_LINES
    ? lines(labelOf(reported), load, kind, id)
    : heatmap(labelOf(reported), load, kind, id, most)
}

/** The highest value of any backend of some results; 1 for shares. */
export function highestLoad(results: readonly ReportedResult[], kind: LoadKind): number {
  if (kind === 'token_hit_rate') return 1
  const peaks = results.flatMap(({ detail }) =>
    (detail?.load.backends ?? []).map((backend) => highest(backend[kind]) ?? 0),
  )
  return peaks.reduce((most, peak) => Math.max(most, peak), 1)
}

function lines(label: string, load: LoadOverTime, kind: LoadKind, id: string): XyChart {
  return {
    type: 'xy',
    ...described(label, load, kind, id),
    x: { title: 'Time', unit: 'ms', scale: 'linear' },
    y: { title: TITLES[kind], ...valueAxis(kind), scale: 'linear', min: 0 },
    series: load.backends.map((backend) => ({
      name: `backend ${backend.id}`,
      draw: 'line',
      x: timesOf(load),
      y: backend[kind],
    })),
    readAlong: 'x',
  }
}

function heatmap(
  label: string,
  load: LoadOverTime,
  kind: LoadKind,
  id: string,
  most: number,
): HeatmapChart {
  const shown = busiest(load)
  return {
    type: 'heatmap',
    ...described(label, load, kind, id),
    x: { title: 'Time', unit: 'ms', scale: 'linear' },
    from: timesOf(load),
    rows: shown.map((backend) => String(backend.id)),
    rowTitle: 'Backend',
    value: { title: TITLES[kind], unit: kind === 'token_hit_rate' ? 'share' : 'number', max: most },
    values: shown.map((backend) => backend[kind]),
  }
}

function busiest({ backends }: LoadOverTime): LoadOverTime['backends'] {
  if (backends.length <= MOST_ROWS) return backends
  const ranked = backends.map((backend) => ({
    backend,
    load: (mean(backend.running) ?? 0) + (mean(backend.waiting) ?? 0),
  }))
  const busy = ranked.sort((a, b) => b.load - a.load).slice(0, MOST_ROWS)
  return busy.map(({ backend }) => backend).sort((a, b) => a.id - b.id)
}

function described(label: string, load: LoadOverTime, kind: LoadKind, id: string) {
  const unit = kind === 'token_hit_rate' ? 'share' : 'number'
  const shown = busiest(load)
  const few =
    shown.length < load.backends.length
      ? ` The ${shown.length} busiest of ${load.backends.length} backends.`
      : ''
  return {
    id,
    title: `${TITLES[kind]}: ${label}`,
    summary: `${TITLES[kind]} of each backend over time, means over ${formatValue(load.interval_ms, 'ms')}.${few}`,
    table: tableOf(
      ['Backend'],
      ['Mean', 'Highest'],
      shown.map((backend) => [
        String(backend.id),
        formatValue(mean(backend[kind]), unit),
        formatValue(highest(backend[kind]), unit),
      ]),
    ),
  }
}

function valueAxis(kind: LoadKind) {
  return kind === 'token_hit_rate'
    ? ({ unit: 'share', max: 1 } as const)
    : ({ unit: 'number' } as const)
}

/** From the start of the measured part. */
function timesOf({ interval_ms, backends }: LoadOverTime): number[] {
  return (backends[0]?.waiting ?? []).map((_, i) => i * interval_ms)
}

function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length
}

function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : Math.max(...known)
}
