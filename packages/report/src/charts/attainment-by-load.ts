import type { Mark, XyChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'

/** What a search for a capacity tried of one fleet. */
export interface SearchedCapacity {
  readonly label: string
  /** Nearest values that meet and miss the targets. */
  readonly meets: number | null
  readonly misses: number | null
  /** Ascending by value. */
  readonly probes: readonly {
    readonly value: number
    /** Backends of each group of a fleet; null where the rate is sought. */
    readonly split: readonly number[] | null
    readonly meets: boolean
    readonly attainment: number
    readonly attainment_ci95: number | null
    readonly saturation: string
    readonly ttft_p99: number | null
  }[]
}

/** Share of requests within their targets against the rate or the size of the fleet. */
export function attainmentByLoad(
  searched: readonly SearchedCapacity[],
  goal: number,
  find: 'rate' | 'backends',
): XyChart {
  const what = find === 'rate' ? 'Requests per second' : 'Backends'
  const marks: Mark[] = searched.flatMap(({ meets }, series) =>
    meets === null
      ? []
      : [{ axis: 'x', value: meets, label: formatValue(meets, 'number'), series } as const],
  )
  const told = searched.map(({ label, meets }) =>
    meets === null ? `${label} at none` : `${label} at ${formatValue(meets, 'number')}`,
  )
  const values = searched.flatMap(({ probes }) => probes.map(({ value }) => value))
  const [min, max] = [Math.min(...values), Math.max(...values)]
  const x = { title: what, unit: find === 'rate' ? 'number' : 'count' } as const
  return {
    type: 'xy',
    id: 'attainment',
    title: `Requests within their targets by ${find === 'rate' ? 'arrival rate' : 'size of the fleet'}`,
    summary: `Share of requests that met all their targets. The goal is met by ${told.join(', ')}.`,
    x: max / min > 20 ? { ...x, scale: 'log', min, max } : { ...x, scale: 'linear' },
    y: { title: 'Within targets', unit: 'share', scale: 'linear', min: 0, max: 1 },
    series: searched.map(({ label, probes }) => ({
      name: label,
      // Fleets of as many backends differ by how they are dealt out: no line leads through them.
      draw: growingGroups(probes) > 1 ? 'points' : 'line',
      x: probes.map(({ value }) => value),
      y: probes.map(({ attainment }) => attainment),
      ...(probes.some(({ attainment_ci95 }) => attainment_ci95 !== null) && {
        spread: probes.map(({ attainment_ci95 }) => attainment_ci95),
      }),
    })),
    marks: [{ axis: 'y', value: goal, label: `goal ${formatValue(goal, 'share')}` }, ...marks],
    readAlong: 'x',
    table: tableOf(
      ['Fleet', 'Load', 'Meets'],
      [what, 'Within targets', '±', 'TTFT P99'],
      searched.flatMap(({ label, probes }) =>
        probes.map((probe) => [
          ...[label, probe.saturation, probe.meets ? 'yes' : 'no'],
          probe.split === null ? formatValue(probe.value, 'number') : probe.split.join(' + '),
          formatValue(probe.attainment, 'share'),
          formatValue(probe.attainment_ci95, 'share'),
          formatValue(probe.ttft_p99, 'ms'),
        ]),
      ),
    ),
  }
}

function growingGroups(probes: SearchedCapacity['probes']): number {
  const splits = probes.flatMap(({ split }) => (split === null ? [] : [split]))
  const [first = []] = splits
  return first.filter((count, group) => splits.some((split) => split[group] !== count)).length
}
