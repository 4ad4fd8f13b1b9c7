import {
  type RunDetail,
  type RunSummary,
  type SeedsSummary,
  summarizeSeeds,
} from '@routesim/metrics'
import { executeRuns, type PlannedRun } from '../parallel/execute-runs.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import type { Control, Executed } from './execute.js'
import type { ResolvedAlgorithm } from './resolve-algorithms.js'
import type { RunSamples } from './run-samples.js'
import type { PreparedFleet } from './scenario.js'

/** One run, or the means and 95 % intervals of several that differ in the seed only. */
export type AlgorithmSummary = RunSummary | SeedsSummary

/** All simulations of an experiment: every workload under every seed behind every algorithm. */
export interface Plan extends PreparedFleet {
  readonly workloads: readonly WorkloadSource[]
  readonly algorithms: readonly ResolvedAlgorithm[]
}

/** What came of a {@link Plan}. */
export interface PlanResults {
  /** By workload, then by algorithm; those that were not finished are left out. */
  readonly summaries: readonly (readonly AlgorithmSummary[])[]
  /** Of the first seed of each of these, where it was asked for and is finished. */
  readonly details: readonly (readonly (RunDetail | undefined)[])[]
  readonly interrupted: boolean
  /** Those of which something is finished. */
  readonly seeds: readonly number[]
  readonly notes: readonly string[]
  /** By run, of those that were finished; empty unless asked for. */
  readonly samples: readonly RunSamples[]
}

/** How many runs go on at once. */
export interface JobsOption {
  /**
   * Simulations at the same time, each on a worker thread; 1 for none but this thread. By default one
   * per core when there is enough to do. Results do not depend on it. Routers that were not loaded
   * from a file with `loadAlgorithm` and are not built in always run in this thread.
   */
  readonly jobs?: number | undefined
}

/**
 * Simulates everything; what is finished when it is stopped is kept. Seed by seed, so that generated
 * requests are made once for all algorithms.
 */
export async function simulateAll(
  plan: Plan,
  { signal, onProgress, jobs }: Control & JobsOption,
): Promise<PlanResults> {
  const { seeds, workloads, algorithms } = plan
  const runs = workloads.flatMap((_, workload) =>
    seeds.flatMap((seed) => algorithms.map((_, algorithm) => ({ workload, seed, algorithm }))),
  )
  const scenario = { config: plan.config, cast: plan }
  const numbered = runs.map(({ workload, seed, algorithm }, run) => ({
    run,
    scenario,
    workload: workloads[workload]!,
    seed,
    algorithm,
    detail: plan.detail && seed === seeds[0],
  }))
  const finished: (Executed | undefined)[] = numbered.map(() => undefined)
  const underWay = new Map<number, number>()
  const onFraction = (run: number, share: number): void => {
    if (share < 1) underWay.set(run, share)
    else underWay.delete(run)
    const { label } = algorithms[numbered[run]!.algorithm]!
    const finishedRuns = finished.filter((run) => run !== undefined).length
    const fraction = [...underWay.values()].reduce((sum, part) => sum + part, 0)
    onProgress?.({ label, finishedRuns, totalRuns: numbered.length, fraction })
  }
  const choices = algorithms
    .filter((_, i) => i % plan.visibilities.length === 0)
    .map(({ choice }) => choice)
  await executeRuns(
    { ...plan, runs: numbered, choices },
    { signal, jobs },
    {
      onFraction,
      onDone: (run, executed) => {
        finished[run] = executed
        onFraction(run, 1)
      },
    },
  )
  return assemble(plan, numbered, finished)
}

const UNTOLD_WARM_UP =
  'hit rates of samples leave the warm-up out, of whose requests nothing is kept without per-request data'

function assemble(
  { seeds, workloads, algorithms, config, perRequest, sampleIntervalMs }: Plan,
  runs: readonly PlannedRun[],
  finished: readonly (Executed | undefined)[],
): PlanResults {
  const notes: string[] = []
  const details: (RunDetail | undefined)[][] = workloads.map(() => [])
  const summaries = workloads.map((source, at) =>
    algorithms.flatMap(({ label }, algorithm): AlgorithmSummary[] => {
      const own = runs.filter((run) => run.workload === source && run.algorithm === algorithm)
      const done = own.flatMap(({ run }) => finished[run]?.summary ?? [])
      if (done.length === 0) return []
      if (done.length < seeds.length) {
        notes.push(`${label} was stopped after ${done.length} of ${seeds.length} seeds`)
      }
      details[at]!.push(finished[own[0]!.run]?.detail)
      return [seeds.length === 1 ? done[0]! : summarizeSeeds(done)]
    }),
  )
  const samples = finished.flatMap((run) =>
    run?.samples === undefined
      ? []
      : [{ algorithm: run.summary.algorithm, seed: run.summary.seed, rows: run.samples }],
  )
  const hasWarmUp = config.simulation.warmup_requests > 0
  if (samples.length > 0 && hasWarmUp && !perRequest) notes.push(UNTOLD_WARM_UP)
  const everyMs = Math.max(0, ...finished.map((run) => run?.sampledEveryMs ?? 0))
  if (sampleIntervalMs !== undefined && everyMs > sampleIntervalMs) {
    notes.push(
      `samples are ${everyMs / 1000} s apart, not ${sampleIntervalMs / 1000}: more than are kept would have been taken`,
    )
  }
  const interrupted = finished.includes(undefined)
  const ran = new Set(runs.filter(({ run }) => finished[run] !== undefined).map(({ seed }) => seed))
  return { summaries, details, interrupted, seeds: [...ran].sort((a, b) => a - b), notes, samples }
}
