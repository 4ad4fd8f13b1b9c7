import type { RequestTable } from '@routesim/core'
import { type RunSummary, summarizeSeeds } from '@routesim/metrics'
import type { Stepper } from '../cluster/build-cluster.js'
import type { StepCosts } from '../cluster/scaled-latency.js'
import type { Config } from '../config/schema.js'
import { executeRuns, type PlannedRun, type RunScenario } from '../parallel/execute-runs.js'
import { type Control, type Executed, interrupted } from '../run/execute.js'
import type { AlgorithmChoice } from '../run/resolve-algorithms.js'
import type { AlgorithmSummary } from '../run/simulate-all.js'
import { TrafficStore } from '../sweep/traffic.js'

/** One thing that is tried: a config and an algorithm under some seeds. */
export interface Trial {
  /** What a progress bar calls it. */
  readonly label: string
  readonly config: Config
  readonly choice: AlgorithmChoice
  readonly traffic: TrafficStore
  /** Requests per second; undefined for the traffic as it is. */
  readonly rate: number | undefined
  readonly seeds: readonly number[]
  /** Rows at which windows begin that are told apart, but the first; none by default. */
  readonly windowStarts?: readonly number[] | undefined
  /** What prompts and answers cost, in parts of what the config says; as it says by default. */
  readonly stepCosts?: StepCosts | undefined
}

/** What comes of a trial under one seed. */
export type TrialResult = Pick<Executed, 'summary' | 'withoutWindows'>

/** How trials are simulated. */
export interface TrialOptions extends Control {
  readonly stepper: Stepper
  readonly perRequest: boolean
  readonly jobs: number | undefined
  /** Runs done before these, and how many there may be in all, for the progress bar. */
  readonly progress?: { readonly done: number; readonly expected: number }
}

/**
 * Simulates trials, all at once where there are cores for it.
 * @returns by trial, then by seed
 * @throws RouteSimError the error of the first run that fails; `interrupted` when the signal says so
 */
export async function runTrials(
  trials: readonly Trial[],
  options: TrialOptions,
): Promise<RunSummary[][]> {
  const results = await executeTrials(trials, options)
  return results.map(summariesOf)
}

/** The summaries alone. */
export function summariesOf(results: readonly TrialResult[]): RunSummary[] {
  return results.map(({ summary }) => summary)
}

/** The same with what is known of windows, for which a run keeps results per request. */
export async function executeTrials(
  trials: readonly Trial[],
  { stepper, perRequest, jobs, signal, onProgress, progress }: TrialOptions,
): Promise<TrialResult[][]> {
  const choices = [...new Set(trials.map(({ choice }) => choice))]
  const scenarios = new Map<string, RunScenario>()
  const numbers = new Map<object, number>()
  const runs: PlannedRun[] = []
  const places: { readonly trial: number; readonly label: string }[] = []
  for (const [trial, each] of trials.entries()) {
    const { label, config, choice, traffic, rate, seeds, windowStarts, stepCosts } = each
    const { config: own, workload } = await traffic.at(config, rate)
    const objects = [config, traffic].map((each) => numberOf(numbers, each))
    const name = JSON.stringify([...objects, rate, stepCosts])
    const scenario = scenarios.get(name) ?? { config: { ...own, ...(stepCosts && { stepCosts }) } }
    scenarios.set(name, scenario)
    for (const seed of seeds) {
      const algorithm = choices.indexOf(choice)
      runs.push({ run: runs.length, scenario, workload, seed, algorithm, windowStarts })
      places.push({ trial, label })
    }
  }
  const results: TrialResult[][] = trials.map(() => [])
  const bySeed: (TrialResult | undefined)[] = runs.map(() => undefined)
  let done = 0
  const report = (run: number, fraction: number): void =>
    onProgress?.({
      label: places[run]!.label,
      finishedRuns: (progress?.done ?? 0) + done,
      totalRuns: Math.max(progress?.expected ?? 0, (progress?.done ?? 0) + runs.length),
      fraction,
    })
  const how = {
    ...{ stepper, sampleIntervalMs: undefined, visibility: undefined },
    perRequest: perRequest || trials.some(({ windowStarts }) => windowStarts !== undefined),
  }
  await executeRuns(
    { runs, choices, ...how },
    { signal, jobs },
    {
      onFraction: report,
      onDone(run, executed) {
        done++
        bySeed[run] = executed
        report(run, 0)
      },
    },
  )
  if (done < runs.length) throw interrupted()
  for (const [run, executed] of bySeed.entries()) results[places[run]!.trial]!.push(executed!)
  return results
}

/**
 * What the runs of one thing are told as: seeds as means and intervals, a run that has windows as it is.
 * @param algorithm - what it is called; as the first run says by default
 */
export function summaryOf(
  runs: readonly TrialResult[],
  algorithm: string = runs[0]!.summary.algorithm,
): AlgorithmSummary {
  const summaries = runs.map(({ summary }) => ({ ...summary, algorithm }))
  return runs[0]!.withoutWindows === undefined ? summarizeSeeds(summaries) : summaries[0]!
}

/** Requests as they are, for trials of a part of them. */
export function trafficOf(table: RequestTable): TrafficStore {
  return new TrafficStore({ trace: table, configPath: undefined })
}

function numberOf(numbers: Map<object, number>, object: object): number {
  const number = numbers.get(object) ?? numbers.size
  numbers.set(object, number)
  return number
}
