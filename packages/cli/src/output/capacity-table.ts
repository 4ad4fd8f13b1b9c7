import type { CapacityAnswer, CapacityReport } from '@routesim/experiments'
import { seedsText } from '../commands/experiment-options.js'
import { flatCsv } from './flat-csv.js'
import { formatNumber, rateText } from './results-table.js'
import { alignedTable, type Column, markdownTable } from './table.js'
import type { Rendering } from './write-results.js'

/** What a search for a capacity found, in every format. */
export function capacityRendering(report: CapacityReport): Rendering {
  const [columns, rows] = layOut(report)
  return {
    table: (maxWidth) =>
      `${headingOf(report)}\n\n${alignedTable(columns, rows, maxWidth)}\n\n${report.verdict.join('\n')}`,
    json: () => JSON.stringify(report, undefined, 2),
    csv: () => flatCsv(report.answers.map(({ probes: _, per_seed: __, ...answer }) => answer)),
    md: () =>
      `${headingOf(report)}\n\n${markdownTable(columns, rows)}\n\n${report.verdict.join(' ')}`,
  }
}

function headingOf({ scenario, find, rate, attainment, runs }: CapacityReport): string {
  const { source, visibility, seeds } = scenario
  const fleet = find === 'rate' ? ` on ${scenario.fleet}` : ''
  const at = rate === null ? '' : ` at ${rate} requests/s`
  const what = find === 'rate' ? 'Largest rate' : 'Smallest fleet'
  const goal = `${Number((attainment * 100).toPrecision(4))}% of requests within their targets`
  return `${what} with ${goal}: ${source}${at}${fleet}; visibility ${visibility}; ${seedsText(seeds)}; ${runs} runs`
}

function layOut({ answers, find }: CapacityReport): [Column[], string[][]] {
  const isRate = find === 'rate'
  const hasSeeds = answers.some(({ per_seed }) => per_seed.length > 1)
  const isSplit = !isRate && answers.some(({ fleet }) => fleet !== null)
  const isOther = answers.some(({ offered_per_sec: offered }) => offered !== null)
  const columns: Column[] = [
    { title: 'Algorithm', align: 'left' },
    { title: 'GPU', align: 'left', rank: 3 },
    { title: isRate ? 'Meets at req/s' : 'Backends', align: 'right', rank: 1 },
    ...(isSplit ? [{ title: 'Split', align: 'left', rank: 1 } as const] : []),
    ...(isOther ? [{ title: 'Came req/s', align: 'right', rank: 1 } as const] : []),
    { title: 'Misses at', align: 'right', rank: 6 },
    ...(hasSeeds ? [{ title: 'By seed', align: 'right', rank: 7 } as const] : []),
    { title: 'Within targets %', align: 'right', rank: 5 },
    { title: 'TTFT p99', align: 'right', rank: 2 },
    { title: '$/h', align: 'right', rank: 4 },
  ]
  const value = (number: number | null): string =>
    number === null ? '-' : isRate ? rateText(number) : String(number)
  const rows = answers.map((answer) => {
    const best = answer.probes.find(({ value, meets }) => meets && value === answer.meets)
    return [
      ...[answer.algorithm, answer.gpu, value(answer.meets)],
      ...(isSplit ? [answer.fleet ?? '-'] : []),
      ...(isOther ? [cameOf(answer)] : []),
      value(answer.misses),
      ...(hasSeeds ? [bySeed(answer, value)] : []),
      best === undefined ? '-' : formatNumber(best.attainment * 100, 2),
      best === undefined || best.ttft_p99 === null ? '-' : formatNumber(best.ttft_p99),
      answer.usd_per_hour === null ? '-' : formatNumber(answer.usd_per_hour, 2),
    ]
  })
  return [columns, rows]
}

/** Requests per second that came, where they are clearly others than were asked for. */
function cameOf({ offered_per_sec: offered }: CapacityAnswer): string {
  return offered === null ? 'as asked' : rateText(offered)
}

/** From the seed that carries least to the one that carries most. */
function bySeed({ per_seed }: CapacityAnswer, value: (number: number | null) => string): string {
  const met = per_seed.flatMap(({ meets }) => meets ?? [])
  if (met.length === 0) return '-'
  const [least, most] = [Math.min(...met), Math.max(...met)]
  return least === most ? value(least) : `${value(least)} to ${value(most)}`
}
