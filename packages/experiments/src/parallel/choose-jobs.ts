import { availableParallelism } from 'node:os'
import { availableMemory } from 'node:process'
import { RouteSimError } from '@routesim/core'
import type { Stepper } from '../cluster/build-cluster.js'
import type { ExperimentsErrorCode } from '../errors.js'

/** What a simulated request costs, in ms, within a factor of two or so. */
const MS_PER_REQUEST: Readonly<Record<Stepper, number>> = { fast: 0.002, reference: 0.06 }
/** Starting a worker and warming its machine code up costs about as much as this saves. */
const WORTH_WORKERS_MS = 300
/** Memory of a run beside the shared table: a row of progress, of the KV cache, of the summary. */
const BYTES_PER_REQUEST = 200
const MOST_JOBS = 1024

/** How much there is to do. */
export interface ExpectedWork {
  /** Requests of each run. */
  readonly requests: readonly number[]
  readonly stepper: Stepper
  /** Whether memory grows with the requests. */
  readonly perRequest: boolean
}

/** What the machine has; another one in tests. */
export interface Machine {
  readonly cores: number
  readonly memoryBytes: number
}

/**
 * How many runs go on at the same time: as asked, else one for little work and one per core for
 * much, as far as memory reaches. Never more than there are runs.
 * @throws RouteSimError `jobs_invalid`
 */
export function chooseJobs(
  asked: number | undefined,
  { requests, stepper, perRequest }: ExpectedWork,
  machine: Machine = { cores: availableParallelism(), memoryBytes: availableMemory() },
): number {
  if (asked !== undefined) {
    if (Number.isInteger(asked) && asked >= 1 && asked <= MOST_JOBS) {
      return Math.min(asked, requests.length)
    }
    throw new RouteSimError<ExperimentsErrorCode>(
      `jobs: expected an integer from 1 to ${MOST_JOBS}, got ${asked}`,
      { code: 'jobs_invalid', path: 'jobs' },
    )
  }
  const workMs = requests.reduce((sum, count) => sum + count, 0) * MS_PER_REQUEST[stepper]
  if (workMs < WORTH_WORKERS_MS) return 1
  const most = Math.min(machine.cores, requests.length)
  if (!perRequest) return most
  const largestBytes = requests.reduce((max, n) => Math.max(max, n), 0) * BYTES_PER_REQUEST
  return Math.max(1, Math.min(most, Math.floor(machine.memoryBytes / 2 / largestBytes)))
}
