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

/** How the runs of a sweep are done, and who hears of them. */
export interface SweepExecution extends Control, Omit<RunsPlan, 'runs'> {
  readonly jobs: number | undefined
  /** Whether a run is to be done here; by position. */
  isWanted(run: number): boolean
  /** Runs that are known already, by key. */
  readonly known: ReadonlyMap<string, ResultRecord>
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
 * Does the runs of a sweep that are wanted and not known. Equal runs are done once.
 * @returns the records of all runs that are wanted and done, by key
 */
export async function runSweep(
  runs: readonly SweepRun[],
  execution: SweepExecution,
): Promise<Map<string, ResultRecord>> {
  const { known, onProgress, onRecord } = execution
  const records = new Map<string, ResultRecord>()
  const wanted = new Set<string>()
  const planned: PlannedRun[] = []
  const record = (run: number, outcome: Outcome): void => {
    const entry = { ...placeOf(runs, run), ...outcome } as ResultRecord
    records.set(entry.key, entry)
    onRecord(entry)
  }
  runs.forEach(({ key, made, seed, algorithm }, run) => {
    if (!execution.isWanted(run) || wanted.has(key)) return
    wanted.add(key)
    const before = known.get(key)
    if (before?.status === 'ok') {
      // Of a smaller sweep, perhaps: it has another place in this one.
      if (before.run === run && before.runs === runs.length) records.set(key, before)
      else record(run, { status: 'ok', result: before.result })
    } else if ('error' in made) record(run, failure(made.error))
    else planned.push({ run, ...made, seed, algorithm })
  })
  const total = planned.length
  let done = 0
  const underWay = new Map<number, number>()
  const report = (run: number): void => {
    const fraction = [...underWay.values()].reduce((sum, part) => sum + part, 0)
    const label = labelOf(runs[run]!)
    onProgress?.({ label, finishedRuns: done, totalRuns: total, fraction })
  }
  const end = (run: number, outcome: Outcome): void => {
    done++
    underWay.delete(run)
    record(run, outcome)
    report(run)
  }
  const { signal, jobs, elsewhere } = execution
  const onDone = (run: number, result: RunSummary): void => end(run, { status: 'ok', result })
  const onFailed = (run: number, error: Error): void => end(run, failure(error))
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
      onDone(run, executed) {
        execution.onExecuted?.(run, executed)
        onDone(run, executed.summary)
      },
      onFailed,
    },
  )
  return records
}

type Outcome =
  | Pick<Extract<ResultRecord, { status: 'ok' }>, 'status' | 'result'>
  | Pick<Extract<ResultRecord, { status: 'failed' }>, 'status' | 'error'>

function failure(error: Error): Outcome {
  const code = error instanceof RouteSimError ? error.code : null
  return { status: 'failed', error: { code, message: error.message } }
}

/** Which runs these are, as records of them say. */
export function placesOf(runs: readonly SweepRun[]): ResultPlace[] {
  return runs.map((_, run) => placeOf(runs, run))
}

function placeOf(runs: readonly SweepRun[], run: number): ResultPlace {
  const { key, settings, rate, label, seed } = runs[run]!
  return {
    key,
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
