import type { RequestTable } from '@routesim/core'
import type { CostedConfig, Stepper } from '../cluster/build-cluster.js'
import type { Executed } from '../run/execute.js'
import type { GeneratorSource } from '../workload/load-workload.js'
import type { PortableAlgorithm } from './portable-algorithm.js'
import type { PortableError } from './portable-error.js'

/** What a worker is born with. */
export interface WorkerSetup {
  readonly stepper: Stepper
  /** Whether runs keep results per request. */
  readonly perRequest: boolean
  /** Time between two looks at the backends, in ms. */
  readonly sampleIntervalMs: number | undefined
  /** What routers see, as options say it; as the config of a task does when absent. */
  readonly visibility: string | readonly string[] | undefined
  /** Each stands for one algorithm per visibility. */
  readonly algorithms: readonly PortableAlgorithm[]
}

/** Where a worker gets requests from: columns in shared memory, or the options of a generator. */
export type PortableRequests =
  | { readonly table: RequestTable }
  | { readonly generator: GeneratorSource; readonly seed: number }

/** One simulation. */
export interface WorkerTask {
  /** Index of the run; goes back with the answer. */
  readonly run: number
  /** Absent when the config is that of the worker's task before. */
  readonly config: CostedConfig | undefined
  /** Absent when the requests are those of the worker's task before. */
  readonly requests: PortableRequests | undefined
  /** Index into the algorithms of the setup, those of one choice next to each other. */
  readonly algorithm: number
  readonly seed: number
  /** Whether to keep what pictures need. */
  readonly detail: boolean
  /** Rows at which windows begin that are told apart. */
  readonly windowStarts?: readonly number[] | undefined
}

/** What a worker answers. */
export type WorkerAnswer =
  | { readonly kind: 'progress'; readonly run: number; readonly fraction: number }
  | { readonly kind: 'done'; readonly run: number; readonly executed: Executed }
  | { readonly kind: 'failed'; readonly run: number; readonly error: PortableError }
