import { type RunSummary, summarizeSeeds } from '@routesim/metrics'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import type { Settings } from './design.js'
import type { ResultRecord } from './result-log.js'

/** One point of a sweep: settings, a rate and an algorithm under all seeds. */
export interface SweepPoint {
  readonly settings: Settings
  /** Arrival rate in requests per second, of sweeps over rates. */
  readonly rate?: number
  readonly result: AlgorithmSummary
}

/** A run of a sweep that failed. */
export interface SweepFailure {
  readonly settings: Settings
  readonly rate: number | null
  readonly algorithm: string
  readonly seed: number
  readonly message: string
}

/** Runs by point, in the order in which points come first. */
export function sweepPoints(records: readonly ResultRecord[]): {
  readonly points: readonly SweepPoint[]
  readonly failures: readonly SweepFailure[]
} {
  const groups = new Map<string, { readonly first: ResultRecord; readonly done: RunSummary[] }>()
  const failures: SweepFailure[] = []
  const seeds = new Set(records.map(({ seed }) => seed))
  for (const record of records) {
    const { settings, rate, algorithm, seed } = record
    if (record.status === 'failed') {
      failures.push({ settings, rate, algorithm, seed, message: record.error.message })
      continue
    }
    const name = JSON.stringify([settings, rate, algorithm])
    const group = groups.get(name) ?? { first: record, done: [] }
    group.done.push(record.result)
    groups.set(name, group)
  }
  const points = [...groups.values()].map(({ first, done }): SweepPoint => {
    const { settings, rate } = first
    const result = seeds.size === 1 ? done[0]! : summarizeSeeds(done)
    return { settings, ...(rate !== null && { rate }), result }
  })
  return { points, failures }
}
