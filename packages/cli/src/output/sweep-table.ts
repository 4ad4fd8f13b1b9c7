import type { SweepPoint } from '@routesim/experiments'
import { flatCsv } from './flat-csv.js'
import { rateText, resultsMarkdown, resultsTable } from './results-table.js'
import type { Rendering } from './write-results.js'

/** The points of a sweep in every format. */
export function sweepRendering(points: readonly SweepPoint[], title: string): Rendering {
  const results = points.map(({ result }) => result)
  const paths = [...new Set(points.flatMap(({ settings }) => Object.keys(settings)))]
  const hasRates = points.some(({ rate }) => rate !== undefined)
  const leading = [
    ...paths.map((path) => ({
      title: path.split('.').at(-1)!,
      cells: points.map(({ settings }) => String(settings[path] ?? '')),
    })),
    ...(hasRates ? [{ title: 'Rate', cells: points.map(rateCell) }] : []),
    { title: 'Algorithm', cells: results.map(({ algorithm }) => algorithm) },
  ]
  // Algorithms compete at the same point; a low rate is not better than a high one.
  const places = points.map(({ settings, rate }) => JSON.stringify([settings, rate]))
  const contests = places.map((place) => places.indexOf(place))
  const rows = points.map(({ settings, rate, result }) => ({
    ...(rate !== undefined && { rate }),
    ...(paths.length > 0 && { settings }),
    ...result,
  }))
  return {
    table: (maxWidth) => `${title}\n\n${resultsTable(results, leading, { maxWidth, contests })}`,
    json: () => JSON.stringify(rows, undefined, 2),
    csv: () => flatCsv(rows),
    md: () => `${title}\n\n${resultsMarkdown(results, leading, contests)}`,
  }
}

function rateCell({ rate }: SweepPoint): string {
  return rate === undefined ? '' : rateText(rate, Number.isInteger(rate) ? 0 : 2)
}
