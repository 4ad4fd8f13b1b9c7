import type { Worker } from 'bullmq'
import { RESULT_VERSION } from '../sweep/point-key.js'
import {
  connectQueue,
  PREFIX,
  type QueueConnection,
  queueName,
  refusalOf,
  waitingOfOthers,
} from './queue-connection.js'
import type { QueuedOutcome, QueuedRun } from './queued-run.js'
import { QueuedSimulator } from './simulate-queued.js'

const DEAD_AFTER_SEC = 15
/** Other workers look for the dead so often. */
const LOOKS_PER_LIFE = 3
/** How many workers a run may take with it before it is given up. */
const MOST_DEATHS = 3
const LOOK_FOR_OTHERS_MS = 10_000
const LOOK_IDLE_MS = 200
/** How long to wait with the next command for a queue that refuses them. */
const TRY_AGAIN_MS = 5000
/** How long a queue is waited for that does not answer, once there is nothing to do. */
const MOST_WAIT_MS = 3000

/** Options of {@link runSweepWorker}. */
export interface SweepWorkerOptions {
  /** Address of a Redis or Valkey, as in `redis://localhost:6379`. */
  readonly url: string
  /** Runs at once, each on a thread of its own; 1 by default. */
  readonly jobs?: number | undefined
  /** Leaves after so many seconds without a run; never by default. */
  readonly idleSec?: number | undefined
  /** When it tells nothing for so many seconds it is taken for dead, and its runs go to others; 15 by default. */
  readonly deadAfterSec?: number | undefined
  /** Takes no more runs, finishes those under way, and leaves. */
  readonly leave?: AbortSignal
  /** Gives back the runs under way, and leaves. */
  readonly giveUp?: AbortSignal
  /** Hears of every run that ends here. */
  readonly onRun?: (run: WorkerRun) => void
  /** Hears what a user should know, as that runs of another version wait. */
  readonly onNote?: (note: string) => void
}

/** What came of a run at a worker. */
export interface WorkerRun {
  /** The algorithm and the seed. */
  readonly label: string
  /** `failed` is a result too; `refused` is a run that can not be done here. */
  readonly outcome: 'done' | 'failed' | 'refused' | 'given_back'
  readonly message: string | undefined
}

/** What a worker has done when it leaves. */
export type WorkerCounts = Readonly<Record<WorkerRun['outcome'], number>>

/**
 * Does runs of sweeps that share them with `queue`, until it is told to leave. Any number of workers may
 * come and go. Only runs of the same version of RouteSim are taken.
 *
 * @throws RouteSimError `queue_missing`, `queue_invalid`, `queue_unreachable`
 *
 * @example
 * await runSweepWorker({ url: 'redis://localhost:6379', idleSec: 60 })
 */
export async function runSweepWorker(options: SweepWorkerOptions): Promise<WorkerCounts> {
  const note = options.onNote ?? (() => {})
  const connection = await connectQueue(options.url, note)
  const counts = { done: 0, failed: 0, refused: 0, given_back: 0 }
  const simulator = new QueuedSimulator()
  const giveUp = new AbortController()
  const abandon = (): void => giveUp.abort()
  if (options.giveUp?.aborted) abandon()
  options.giveUp?.addEventListener('abort', abandon)
  const deadAfterMs = (options.deadAfterSec ?? DEAD_AFTER_SEC) * 1000
  let underWay = 0
  let idleSinceMs = performance.now()

  const ended = (run: QueuedRun, outcome: WorkerRun['outcome'], message?: string): void => {
    counts[outcome]++
    options.onRun?.({ label: run.label, outcome, message })
  }
  const { bullmq } = connection
  const worker: Worker<QueuedRun, QueuedOutcome> = new bullmq.Worker(
    queueName(),
    async (job, token) => {
      underWay++
      const run = job.data
      try {
        const outcome = await simulator.simulate(run, giveUp.signal)
        if (outcome === undefined) {
          await job.moveToWait(token)
          ended(run, 'given_back')
          throw new bullmq.WaitingError()
        }
        if (outcome.status === 'ok') ended(run, 'done')
        else ended(run, 'failed', outcome.error.message)
        return outcome
      } catch (error) {
        if (!(error instanceof bullmq.WaitingError)) ended(run, 'refused', (error as Error).message)
        throw error
      } finally {
        underWay--
        idleSinceMs = performance.now()
      }
    },
    {
      connection: connection.redis,
      prefix: PREFIX,
      concurrency: options.jobs ?? 1,
      lockDuration: deadAfterMs,
      stalledInterval: Math.ceil(deadAfterMs / LOOKS_PER_LIFE),
      maxStalledCount: MOST_DEATHS,
      runRetryDelay: TRY_AGAIN_MS,
    },
  )
  let told = ''
  // The connection says what is wrong with it; a run that was taken for lost is done elsewhere.
  worker.on('error', (cause) => {
    const refusal = refusalOf(connection, cause)
    if (refusal === undefined || refusal.message === told) return
    told = refusal.message
    note(`${told}; trying again. ${refusal.hint ?? ''}`.trimEnd())
  })
  worker.on('active', () => {
    told = ''
  })
  const isIdle = (): boolean =>
    options.idleSec !== undefined &&
    underWay === 0 &&
    performance.now() - idleSinceMs >= options.idleSec * 1000
  note(`waiting for runs of RouteSim ${RESULT_VERSION} at ${connection.shown}`)
  const stopWatching = watchOtherVersions(connection, note)
  await untilLeaving([options.leave, options.giveUp], isIdle)
  stopWatching()
  const isLeft = (): boolean => underWay === 0 || giveUp.signal.aborted
  if (!(await isClosed(worker.close(), isLeft))) {
    note(`queue ${connection.shown}: does not answer; left without it`)
  }
  await simulator.close()
  options.giveUp?.removeEventListener('abort', abandon)
  await connection.close()
  return counts
}

/** Whether it closes. Who waits for a queue that is gone waits for ever: a while after nothing is left to do it has not. */
function isClosed(closing: Promise<void>, isLeft: () => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    let sinceMs = Number.POSITIVE_INFINITY
    const end = (closes: boolean): void => {
      clearInterval(timer)
      resolve(closes)
    }
    const timer = setInterval(() => {
      sinceMs = isLeft() ? Math.min(sinceMs, performance.now()) : Number.POSITIVE_INFINITY
      if (performance.now() - sinceMs >= MOST_WAIT_MS) end(false)
    }, LOOK_IDLE_MS)
    closing.then(
      () => end(true),
      () => end(false),
    )
  })
}

function untilLeaving(
  signals: readonly (AbortSignal | undefined)[],
  isIdle: () => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const leave = (): void => {
      clearInterval(timer)
      for (const signal of signals) signal?.removeEventListener('abort', leave)
      resolve()
    }
    const timer = setInterval(() => isIdle() && leave(), LOOK_IDLE_MS)
    for (const signal of signals) {
      if (signal?.aborted) leave()
      signal?.addEventListener('abort', leave)
    }
  })
}

/** Says once of every version that its runs are not taken. */
function watchOtherVersions(connection: QueueConnection, note: (note: string) => void): () => void {
  const told = new Set<string>()
  const look = async (): Promise<void> => {
    for (const { version, runs } of await waitingOfOthers(connection)) {
      if (told.has(version)) continue
      told.add(version)
      note(
        `refused: ${runs} runs of RouteSim ${version} wait in this queue, and this worker is ${RESULT_VERSION}; start workers of that version for them`,
      )
    }
  }
  // A connection that is lost says so itself.
  const lookQuietly = (): void => void look().catch(() => {})
  lookQuietly()
  const timer = setInterval(lookQuietly, LOOK_FOR_OTHERS_MS)
  return () => clearInterval(timer)
}
