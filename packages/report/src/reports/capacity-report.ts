import type { BarChart } from '../chart/chart.js'
import { tableOf } from '../chart/table.js'
import { attainmentByLoad, type SearchedCapacity } from '../charts/attainment-by-load.js'
import { formatValue } from '../format/format-value.js'
import { MOST_SERIES } from '../results/leading-results.js'
import type { Origin, Report, Section } from './report.js'
import { fleetSubtitleOf, type ReportedScenario } from './scenario.js'

/** What {@link capacityReport} shows. */
export interface CapacityResults {
  readonly scenario: ReportedScenario
  readonly find: 'rate' | 'backends'
  readonly rate: number | null
  readonly attainment: number
  readonly answers: readonly (Omit<SearchedCapacity, 'label'> & {
    readonly algorithm: string
    readonly gpu: string
    readonly backends: number | null
    readonly fleet: string | null
    readonly usd_per_hour: number | null
    readonly problem: string | null
  })[]
  readonly runs: number
  readonly verdict: readonly string[]
}

type Answer = CapacityResults['answers'][number]

/** A page about how much a fleet can carry, or how large it has to be. */
export function capacityReport(results: CapacityResults, origin: Origin = {}): Report {
  const { scenario, find, attainment, answers, verdict, runs } = results
  const name = namesOf(answers)
  const searched = answers
    .filter(({ probes }) => probes.length > 0)
    .slice(0, MOST_SERIES)
    .map((answer) => ({ ...answer, label: name(answer) }))
  const prices = find === 'backends' ? priceBars(answers, name) : []
  return {
    title: `Capacity of ${scenario.name}`,
    subtitle: fleetSubtitleOf(scenario),
    verdict,
    notes: scenario.notes,
    sections: [
      {
        title: find === 'rate' ? 'Largest rate' : 'Smallest fleet',
        text: [`Found with ${runs} simulations, all under the same seeds.`],
        tables: [{ title: 'Answers', table: answerTable(answers, find) }],
        charts: [attainmentByLoad(searched, attainment, find)],
      },
      ...prices,
    ],
    origin,
  }
}

function namesOf(answers: readonly Answer[]): (answer: Answer) => string {
  const hasGpus = new Set(answers.map(({ gpu }) => gpu)).size > 1
  const hasAlgorithms = !hasGpus || new Set(answers.map(({ algorithm }) => algorithm)).size > 1
  return ({ algorithm, gpu }) =>
    [...(hasGpus ? [gpu] : []), ...(hasAlgorithms ? [algorithm] : [])].join(' ')
}

function answerTable(answers: readonly Answer[], find: 'rate' | 'backends') {
  const unit = find === 'rate' ? 'requests/s' : 'backends'
  const isSplit = find === 'backends' && answers.some(({ fleet }) => fleet !== null)
  return tableOf(
    ['Algorithm', 'GPU', ...(isSplit ? ['Split'] : [])],
    [`Meets (${unit})`, `Misses (${unit})`, '$/h'],
    answers.map(({ algorithm, gpu, fleet, meets, misses, usd_per_hour: price, problem }) => [
      ...[algorithm, gpu],
      ...(isSplit ? [fleet ?? '-'] : []),
      problem ?? formatValue(meets, 'number'),
      formatValue(misses, 'number'),
      formatValue(price, 'usd'),
    ]),
  )
}

function priceBars(answers: readonly Answer[], name: (answer: Answer) => string): Section[] {
  const priced = answers.filter(({ usd_per_hour }) => usd_per_hour !== null)
  if (priced.length < 2) return []
  const chart: BarChart = {
    type: 'bars',
    id: 'fleet-price',
    title: 'Price of the smallest fleet that is enough',
    summary: `Dollars per hour: ${priced
      .map((answer) => `${name(answer)} ${formatValue(answer.usd_per_hour, 'usd')}`)
      .join(', ')}.`,
    categories: priced.map(name),
    value: { title: 'Per hour', unit: 'usd', scale: 'linear', min: 0 },
    series: [{ name: 'Per hour', values: priced.map(({ usd_per_hour }) => usd_per_hour) }],
    table: tableOf(
      ['Fleet'],
      ['Backends', '$/h'],
      priced.map((answer) => [
        name(answer),
        formatValue(answer.backends, 'number'),
        formatValue(answer.usd_per_hour, 'usd'),
      ]),
    ),
  }
  return [{ title: 'Price', charts: [chart] }]
}
