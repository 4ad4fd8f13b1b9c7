import { RouteSimError, shareTable } from '@routesim/core'
import {
  type RunDetail,
  type RunSummary,
  type SeedsSummary,
  summarizeSeeds,
} from '@routesim/metrics'
import { chooseJobs } from '../parallel/choose-jobs.js'
import { type PortableAlgorithm, toPortableAlgorithm } from '../parallel/portable-algorithm.js'
import { runOnWorkers } from '../parallel/run-on-workers.js'
import type { PortableRequests } from '../parallel/worker-messages.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import { type Control, type Executed, execute } from './execute.js'
import type { ResolvedAlgorithm } from './resolve-algorithms.js'
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
  readonly notes: readonly string[]
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

interface PlannedRun {
  /** Position in the order of results. */
  readonly run: number
  readonly workload: number
  readonly seed: number
  readonly algorithm: number
}

/** The finished runs by position, and how the rest of the world is told. */
interface Progressing {
  readonly runs: readonly PlannedRun[]
  readonly finished: (Executed | undefined)[]
  onFraction(run: number, fraction: number): void
}

/**
 * Simulates everything; what is finished when it is stopped is kept. Seed by seed, so that generated
 * requests are made once for all algorithms.
 */
export async function simulateAll(
  plan: Plan,
  { signal, onProgress, jobs: askedJobs }: Control & JobsOption,
): Promise<PlanResults> {
  const { config, seeds, workloads, algorithms, stepper, perRequest, observer } = plan
  const runs = workloads.flatMap((_, workload) =>
    seeds.flatMap((seed) => algorithms.map((_, algorithm) => ({ workload, seed, algorithm }))),
  )
  const numbered: PlannedRun[] = runs.map((planned, run) => ({ ...planned, run }))
  const requests = numbered.map(({ workload }) => workloads[workload]!.expectedRequests)
  const jobs = observer ? 1 : chooseJobs(askedJobs, { requests, stepper, perRequest })
  const finished: (Executed | undefined)[] = numbered.map(() => undefined)
  const underWay = new Map<number, number>()
  const onFraction = (run: number, share: number): void => {
    if (share < 1) underWay.set(run, share)
    else underWay.delete(run)
    const { label } = algorithms[numbered[run]!.algorithm]!
    const finishedRuns = finished.filter((summary) => summary !== undefined).length
    const fraction = [...underWay.values()].reduce((sum, part) => sum + part, 0)
    onProgress?.({ label, finishedRuns, totalRuns: numbered.length, fraction })
  }
  const progressing = { runs: numbered, finished, onFraction }
  const choices = algorithms.filter((_, i) => i % plan.visibilities.length === 0)
  const portable = choices.map(({ choice }) => toPortableAlgorithm(choice))
  if (jobs > 1 && portable.every((choice) => choice !== undefined)) {
    await inWorkers(plan, progressing, portable, jobs, signal)
  } else await inThisThread(plan, progressing, signal, config.simulation.warmup_requests)
  return assemble(plan, numbered, finished)
}

async function inThisThread(
  { fleet, workloads, algorithms, perRequest, detail, observer, seeds }: Plan,
  { runs, finished, onFraction }: Progressing,
  signal: AbortSignal | undefined,
  warmupRequests: number,
): Promise<void> {
  try {
    for (const { run, workload, seed, algorithm: index } of runs) {
      const algorithm = algorithms[index]!
      onFraction(run, 0)
      const traffic = workloads[workload]!
      const requests = await (perRequest
        ? traffic.requests(seed, signal)
        : traffic.source(seed, signal))
      finished[run] = await execute(
        {
          ...{ fleet, requests, algorithm, seed, warmupRequests, observer },
          detail: detail && seed === seeds[0],
        },
        signal,
        (fraction) => onFraction(run, fraction),
      )
      onFraction(run, 1)
    }
  } catch (error) {
    if (!(error instanceof RouteSimError && error.code === 'interrupted')) throw error
  }
}

async function inWorkers(
  { config, stepper, perRequest, detail, visibilities, workloads, algorithms, seeds }: Plan,
  { runs, finished, onFraction }: Progressing,
  portable: readonly PortableAlgorithm[],
  jobs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const size = ({ workload }: PlannedRun): number => workloads[workload]!.expectedRequests
  const longestFirst = [...runs].sort((a, b) => size(b) - size(a) || a.run - b.run)
  const queue = longestFirst.map(({ run, workload: index, seed, algorithm }) => ({
    run,
    algorithm,
    seed,
    detail: detail && seed === seeds[0],
    requestsKey: workloads[index]!.isSeeded ? `${index} ${seed}` : `${index}`,
    requests: () =>
      portableRequests(workloads[index]!, seed, perRequest && algorithms.length > 1, signal),
  }))
  const onDone = (run: number, executed: Executed): void => {
    finished[run] = executed
    onFraction(run, 1)
  }
  const setup = { config, stepper, perRequest, visibilities, algorithms: portable }
  try {
    await runOnWorkers({ setup, jobs, queue, signal, onFraction, onDone })
  } catch (error) {
    if (!(error instanceof RouteSimError && error.code === 'interrupted')) throw error
  }
}

/** Requests that one run alone needs are generated where it runs, at the same time as others. */
async function portableRequests(
  workload: WorkloadSource,
  seed: number,
  isForSeveral: boolean,
  signal: AbortSignal | undefined,
): Promise<PortableRequests> {
  const { generator } = workload
  if (generator !== undefined && !isForSeveral && !workload.isMade(seed)) {
    return { trace: generator, seed }
  }
  return { table: shareTable(await workload.requests(seed, signal)) }
}

function assemble(
  { seeds, workloads, algorithms }: Plan,
  runs: readonly PlannedRun[],
  finished: readonly (Executed | undefined)[],
): PlanResults {
  const notes: string[] = []
  const details: (RunDetail | undefined)[][] = workloads.map(() => [])
  const summaries = workloads.map((_, workload) =>
    algorithms.flatMap(({ label }, algorithm): AlgorithmSummary[] => {
      const own = runs.filter((run) => run.workload === workload && run.algorithm === algorithm)
      const done = own.flatMap(({ run }) => finished[run]?.summary ?? [])
      if (done.length === 0) return []
      if (done.length < seeds.length) {
        notes.push(`${label} was stopped after ${done.length} of ${seeds.length} seeds`)
      }
      details[workload]!.push(finished[own[0]!.run]?.detail)
      return [seeds.length === 1 ? done[0]! : summarizeSeeds(done)]
    }),
  )
  return { summaries, details, interrupted: finished.includes(undefined), notes }
}
