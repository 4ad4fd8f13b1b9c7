import type { Chart, Mark, Unit } from '../chart/chart.js'
import { highest } from '../chart/extremes.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'

/** One number of every backend over time. */
export interface BackendsOverTime {
  readonly id: string
  /** What the number is. */
  readonly title: string
  /** Whose backends they are. */
  readonly label: string
  readonly unit: Unit
  /** Value of the strongest colour, and of the top of the axis for shares. */
  readonly most: number
  /** Start of each interval in ms, evenly spaced. */
  readonly fromMs: readonly number[]
  readonly intervalMs: number
  /** What values were found every so many ms, and are no means over that time; undefined for means. */
  readonly foundEveryMs?: number | undefined
  /** What happened when, on the axis of time. */
  readonly marks?: readonly Mark[]
  readonly backends: readonly BackendOverTime[]
}

interface BackendOverTime {
  readonly id: number
  readonly values: readonly (number | null)[]
  /** How much each counts in their mean; all alike when absent. */
  readonly weights?: readonly number[]
}

/** Up to so many backends are lines; more are rows of colours. */
const MOST_LINES = 4
/** More rows than this can not be told apart: those with the highest values are shown. */
const MOST_ROWS = 40

/** Lines for a few backends, rows of colours for many. */
export function backendsOverTime(of: BackendsOverTime): Chart {
  const { title, label, unit, fromMs, marks = [] } = of
  const shown = highestRows(of.backends)
  const few =
    shown.length < of.backends.length
      ? ` The ${shown.length} of ${of.backends.length} backends with the highest means.`
      : ''
  const described = {
    id: of.id,
    title: `${title}: ${label}`,
    summary: `${title} of each backend over time, ${howTaken(of)}.${few}`,
    table: tableOf(
      ['Backend'],
      ['Mean over time', 'Highest'],
      shown.map((backend) => [
        String(backend.id),
        formatValue(meanOf(backend), unit),
        formatValue(highest(backend.values), unit),
      ]),
    ),
    x: { title: 'Time', unit: 'ms', scale: 'linear' },
    ...(marks.length > 0 && { marks }),
  } as const
  if (shown.length > MOST_LINES) {
    return {
      type: 'heatmap',
      ...described,
      from: fromMs,
      rows: shown.map(({ id }) => String(id)),
      rowTitle: 'Backend',
      value: { title, unit, max: of.most },
      values: shown.map(({ values }) => values),
    }
  }
  const max = unit === 'share' ? { max: of.most } : {}
  return {
    type: 'xy',
    ...described,
    y: { title, unit, scale: 'linear', min: 0, ...max },
    series: shown.map(({ id, values }) => ({
      name: `backend ${id}`,
      draw: 'line',
      x: fromMs,
      y: values,
    })),
    readAlong: 'x',
  }
}

function howTaken({ intervalMs, foundEveryMs = 0 }: BackendsOverTime): string {
  const every = formatValue(foundEveryMs, 'ms')
  if (foundEveryMs === intervalMs) return `as found every ${every}`
  const means = `means over ${formatValue(intervalMs, 'ms')}`
  return foundEveryMs === 0 ? means : `${means} of what was found every ${every}`
}

function highestRows(backends: BackendsOverTime['backends']): BackendsOverTime['backends'] {
  if (backends.length <= MOST_ROWS) return backends
  const ranked = [...backends].sort((a, b) => (meanOf(b) ?? 0) - (meanOf(a) ?? 0))
  return ranked.slice(0, MOST_ROWS).sort((a, b) => a.id - b.id)
}

function meanOf({ values, weights }: BackendOverTime): number | null {
  let sum = 0
  let all = 0
  for (const [i, value] of values.entries()) {
    if (value === null) continue
    const weight = weights?.[i] ?? 1
    sum += value * weight
    all += weight
  }
  return all === 0 ? null : sum / all
}
