import { RouteSimError } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import {
  executeRuns,
  type PlannedRun,
  type RunsControl,
  type RunsPlan,
} from '../parallel/execute-runs.js'
import type { Control, Executed } from '../run/execute.js'
import type { SweepRun } from './plan-sweep.js'
import { RESULT_VERSION } from './point-key.js'
import type { ResultPlace, ResultRecord } from './result-log.js'
import { isAt } from './same-place.js'

/** How the runs of a sweep are done, and who hears of them. */
export interface SweepExecution extends Control, Omit<RunsPlan, 'runs'> {
  readonly jobs: number | undefined
  /** Whether a run is to be done here; by position. */
  isWanted(run: number): boolean
  /** Runs that are known already, by key. */
  readonly known: ReadonlyMap<string, readonly ResultRecord[]>
  /** Does the runs elsewhere, by their positions; on this machine when absent. */
  readonly elsewhere?: RunsElsewhere | undefined
  /** Hears of every run when it is finished or has failed. */
  onRecord(record: ResultRecord): void
  /** Hears of all that a run left behind, before its record is; not of runs that are known. */
  readonly onExecuted?: (run: number, executed: Executed) => void
}

/** Has other machines do runs, the longest first, and hears of each what comes of it. */
export type RunsElsewhere = (
  runs: readonly number[],
  control: RunsControl,
  listener: {
    onDone(run: number, result: RunSummary): void
    onFailed(run: number, error: Error): void
  },
) => Promise<void>

/**
 * Does the runs of a sweep that are wanted and not known. Equal runs are done once, and each has a record.
 * @returns the records of all runs that are wanted and done, by position
 */
export async function runSweep(
  runs: readonly SweepRun[],
  execution: SweepExecution,
): Promise<Map<number, ResultRecord>> {
  const { known, onProgress, onRecord } = execution
  const records = new Map<number, ResultRecord>()
  const planned: PlannedRun[] = []
  const record = (run: number, outcome: Outcome): void => {
    const entry = { ...placeOf(runs, run), ...outcome } as ResultRecord
    records.set(run, entry)
    onRecord(entry)
  }
  const equal = equalRuns(runs, execution)
  for (const [key, places] of equal) {
    const [first] = places
    const { made, seed, algorithm } = runs[first]!
    const before = (known.get(key) ?? []).filter(({ status }) => status === 'ok') as Finished[]
    if (before.length > 0) {
      for (const run of places) {
        const here = before.find((each) => isAt(each, placeOf(runs, run)))
        // Of a smaller sweep, perhaps: it has another place in this one.
        if (here === undefined) record(run, finished(runs[run]!, before[0]!.result))
        else records.set(run, here)
      }
    } else if ('error' in made) {
      for (const run of places) record(run, failure(made.error))
    } else planned.push({ run: first, ...made, seed, algorithm })
  }
  const total = planned.length
  let done = 0
  const underWay = new Map<number, number>()
  const report = (run: number): void => {
    const fraction = [...underWay.values()].reduce((sum, part) => sum + part, 0)
    const label = labelOf(runs[run]!)
    onProgress?.({ label, finishedRuns: done, totalRuns: total, fraction })
  }
  const end = (first: number, outcomeOf: (run: SweepRun) => Outcome): void => {
    done++
    underWay.delete(first)
    for (const run of equal.get(runs[first]!.key)!) record(run, outcomeOf(runs[run]!))
    report(first)
  }
  const { signal, jobs, elsewhere } = execution
  const onDone = (first: number, result: RunSummary): void =>
    end(first, (run) => finished(run, result))
  const onFailed = (first: number, error: Error): void => end(first, () => failure(error))
  if (elsewhere !== undefined) {
    const size = ({ workload }: PlannedRun): number => workload.expectedRequests
    const longestFirst = planned.toSorted((a, b) => size(b) - size(a) || a.run - b.run)
    const order = longestFirst.map(({ run }) => run)
    await elsewhere(order, { signal }, { onDone, onFailed })
    return records
  }
  await executeRuns(
    { ...execution, runs: planned },
    { signal, jobs },
    {
      onFraction(run, fraction) {
        underWay.set(run, fraction)
        report(run)
      },
      onDone(first, executed) {
        for (const run of equal.get(runs[first]!.key)!) execution.onExecuted?.(run, executed)
        onDone(first, executed.summary)
      },
      onFailed,
    },
  )
  return records
}

/** Positions of the runs that are wanted, by key: those of one key are one simulation. */
function equalRuns(
  runs: readonly SweepRun[],
  { isWanted }: SweepExecution,
): Map<string, [first: number, ...others: number[]]> {
  const places = new Map<string, [first: number, ...others: number[]]>()
  runs.forEach(({ key }, run) => {
    if (!isWanted(run)) return
    const known = places.get(key)
    if (known === undefined) places.set(key, [run])
    else known.push(run)
  })
  return places
}

type Finished = Extract<ResultRecord, { status: 'ok' }>

type Outcome =
  | Pick<Finished, 'status' | 'result'>
  | Pick<Extract<ResultRecord, { status: 'failed' }>, 'status' | 'error'>

/** An equal run may have called its algorithm otherwise. */
function finished({ label }: SweepRun, result: RunSummary): Outcome {
  return { status: 'ok', result: { ...result, algorithm: label } }
}

function failure(error: Error): Outcome {
  const code = error instanceof RouteSimError ? error.code : null
  return { status: 'failed', error: { code, message: error.message } }
}

/** Which runs these are, as records of them say. */
export function placesOf(runs: readonly SweepRun[]): ResultPlace[] {
  return runs.map((_, run) => placeOf(runs, run))
}

function placeOf(runs: readonly SweepRun[], run: number): ResultPlace {
  const { key, row, settings, rate, label, seed } = runs[run]!
  return {
    key,
    row,
    version: RESULT_VERSION,
    run,
    runs: runs.length,
    settings,
    rate: rate ?? null,
    algorithm: label,
    seed,
  }
}

function labelOf({ settings, rate, label }: SweepRun): string {
  const set = Object.entries(settings).map(([path, value]) => `${path.split('.').at(-1)}=${value}`)
  return [label, ...(rate === undefined ? [] : [`${rate} req/s`]), ...set].join(' ')
}
