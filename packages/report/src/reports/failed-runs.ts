import type { Table } from '../chart/table.js'
import { formatValue } from '../format/format-value.js'
import { lastPart } from '../results/reported-result.js'
import type { Section } from './report.js'

/** A run of a sweep that ended in an error. */
export interface FailedRun {
  /** Config values of its point, by dotted path. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Requests per second; null in sweeps that are not over rates. */
  readonly rate: number | null
  readonly algorithm: string
  readonly seed: number
  readonly message: string
}

/** Failures of a page at most: those of a long sweep are mostly alike. */
const MOST_TOLD = 50

/** That runs are left out, whose they are, and why the first of them failed. */
export function failureNotes(failures: readonly FailedRun[], all: number | undefined): string[] {
  const [first] = failures
  if (first === undefined) return []
  const names = [...new Set(failures.map(({ algorithm }) => algorithm))].join(', ')
  const count = all === undefined ? failures.length : `${failures.length} of ${all}`
  const noun = all === 1 || count === 1 ? 'run' : 'runs'
  if (failures.length === all) return [`every run failed. The first error: ${first.message}`]
  return [
    `${count} ${noun} failed (${names}); tables and charts go without. The first error: ${first.message}`,
  ]
}

/** Where runs failed, and why; empty where none did. */
export function failedRuns(failures: readonly FailedRun[]): Section[] {
  if (failures.length === 0) return []
  const told = failures.slice(0, MOST_TOLD)
  const paths = [...new Set(told.flatMap(({ settings }) => Object.keys(settings)))]
  const hasRates = told.some(({ rate }) => rate !== null)
  const numbers = [...paths.map(lastPart), ...(hasRates ? ['Rate'] : []), 'Seed']
  const table: Table = {
    columns: [
      { title: 'Algorithm', align: 'left' },
      ...numbers.map((title) => ({ title, align: 'right' }) as const),
      { title: 'Error', align: 'left' },
    ],
    rows: told.map(({ settings, rate, algorithm, seed, message }) => [
      algorithm,
      ...paths.map((path) => String(settings[path] ?? '')),
      ...(hasRates ? [rate === null ? '' : formatValue(rate, 'number')] : []),
      String(seed),
      message,
    ]),
  }
  const title = 'Failed runs'
  const text =
    told.length < failures.length ? [`The first ${told.length} of ${failures.length}.`] : []
  return [{ title, text, tables: [{ title, table }] }]
}
