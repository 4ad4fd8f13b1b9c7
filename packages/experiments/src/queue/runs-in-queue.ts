import { RouteSimError } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import type { Job, Queue } from 'bullmq'
import type { ExperimentsErrorCode } from '../errors.js'
import { fromPortable } from '../parallel/portable-error.js'
import {
  announceVersion,
  connectQueue,
  PREFIX,
  type QueueConnection,
  queueName,
  refusalOf,
} from './queue-connection.js'
import type { QueuedOutcome, QueuedRun } from './queued-run.js'

/** Runs that travel to Redis at once. */
const CHUNK = 200
/** How often a worker may fail to do a run, for want of a file for example. */
const ATTEMPTS = 5
const FIRST_PAUSE_MS = 1000
/** Results that nobody fetched are kept so long. */
const KEPT_SEC = 86_400
/** Events tell what is finished; this finds what they left out while the connection was lost. */
const LOOK_AGAIN_MS = 5000

type RunJob = Job<QueuedRun, QueuedOutcome>
type RunQueue = Queue<RunJob>

/** Where the runs of a sweep are shared with other machines. */
export interface QueueOption {
  /** Address of a Redis or Valkey, as in `redis://localhost:6379`. */
  readonly url: string
  /** Hears what a user should know, when no worker is there for example. */
  readonly onNote?: (note: string) => void
}

/** Hears what comes of each run, by its key. */
export interface QueueListener {
  onDone(key: string, result: RunSummary): void
  onFailed(key: string, error: Error): void
}

/**
 * Has the workers of a queue do runs, and returns when all are done or the signal says stop. A run that
 * is in the queue already, for another sweep or from before, is not done again.
 *
 * @throws RouteSimError `queue_missing`, `queue_invalid`, `queue_unreachable`, `queue_refused`
 */
export async function runsInQueue(
  runs: readonly QueuedRun[],
  option: QueueOption,
  signal: AbortSignal | undefined,
  listener: QueueListener,
): Promise<void> {
  if (runs.length === 0) return
  const note = option.onNote ?? (() => {})
  const connection = await connectQueue(option.url, note)
  const collector = new Collector(connection, runs, listener, note)
  try {
    await collector.collect(signal)
  } catch (error) {
    throw refusalOf(connection, error) ?? error
  } finally {
    await collector.close()
    await connection.close()
  }
}

/** Puts runs into the queue and takes their results. */
class Collector {
  private readonly connection: QueueConnection
  private readonly queue: RunQueue
  private readonly missing: Map<string, QueuedRun>
  private readonly listener: QueueListener
  private readonly note: (note: string) => void
  private readonly settling = new Set<string>()
  private end: (error?: unknown) => void = () => {}

  constructor(
    connection: QueueConnection,
    runs: readonly QueuedRun[],
    listener: QueueListener,
    note: (note: string) => void,
  ) {
    const { bullmq, redis } = connection
    this.connection = connection
    this.queue = new bullmq.Queue(queueName(), { connection: redis, prefix: PREFIX })
    this.queue.on('error', () => {})
    this.missing = new Map(runs.map((run) => [run.key, run]))
    this.listener = listener
    this.note = note
  }

  async collect(signal: AbortSignal | undefined): Promise<void> {
    const { bullmq, redis } = this.connection
    const events = new bullmq.QueueEvents(queueName(), { connection: redis, prefix: PREFIX })
    events.on('error', () => {})
    const finished = new Promise<void>((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve() : reject(error))
    })
    // A failure may come before anyone waits for it.
    finished.catch(() => {})
    const settle = ({ jobId }: { jobId: string }): void => void this.settle(jobId)
    events.on('completed', settle)
    events.on('failed', settle)
    const stop = (): void => this.end()
    signal?.addEventListener('abort', stop)
    let timer: NodeJS.Timeout | undefined
    try {
      await events.waitUntilReady()
      await announceVersion(this.connection)
      await this.forEachChunk((runs) => this.submit(runs), signal)
      timer = setInterval(() => void this.look(), LOOK_AGAIN_MS)
      await this.look()
      if (this.missing.size === 0 || signal?.aborted) this.end()
      await finished
    } finally {
      clearInterval(timer)
      signal?.removeEventListener('abort', stop)
      await events.close()
    }
    if (signal?.aborted) await this.forEachChunk((runs) => this.takeBack(runs))
  }

  async close(): Promise<void> {
    await this.queue.close()
  }

  /** A run that failed before is done again; one that is there, waiting, under way or done, is not. */
  private async submit(runs: readonly QueuedRun[]): Promise<void> {
    const before = await Promise.all(runs.map(({ key }) => this.jobOf(key)))
    const failed = before.filter(
      (job) => job?.finishedOn !== undefined && job.returnvalue?.status !== 'ok',
    )
    // One that was given another try in the meantime is locked, and will come.
    await Promise.all(failed.map((job) => job?.remove().catch(() => {})))
    await this.queue.addBulk(
      runs.map((run) => ({
        name: 'run',
        data: run,
        opts: {
          jobId: run.key,
          attempts: ATTEMPTS,
          backoff: { type: 'exponential', delay: FIRST_PAUSE_MS },
          removeOnComplete: { age: KEPT_SEC },
          removeOnFail: { age: KEPT_SEC },
        },
      })),
    )
  }

  /** Looks for what is finished, and for what is no longer there. */
  private async look(): Promise<void> {
    try {
      await this.forEachChunk(async (runs) => {
        const states = await Promise.all(runs.map(({ key }) => this.queue.getJobState(key)))
        const lost = runs.filter((_, i) => states[i] === 'unknown')
        if (lost.length > 0) await this.submit(lost)
        const done = runs.filter((_, i) => states[i] === 'completed' || states[i] === 'failed')
        await Promise.all(done.map(({ key }) => this.settle(key)))
      })
      if (this.missing.size > 0 && (await this.queue.getWorkersCount()) === 0) this.tellNobody()
    } catch (error) {
      this.end(error)
    }
  }

  private hasToldNobody = false

  private tellNobody(): void {
    if (this.hasToldNobody) return
    this.hasToldNobody = true
    const where = this.connection.shown
    this.note(`no worker is at ${where}; start some with routesim worker --queue ${where}`)
  }

  /** Takes the result of a run that is finished. */
  private async settle(key: string): Promise<void> {
    if (!this.missing.has(key) || this.settling.has(key)) return
    this.settling.add(key)
    try {
      const job = await this.jobOf(key)
      const outcome = job?.returnvalue
      const isOver = job?.finishedOn !== undefined && (outcome !== null || job.failedReason)
      if (job === undefined || !isOver || !this.missing.delete(key)) return
      if (outcome?.status === 'ok') this.listener.onDone(key, outcome.result)
      else this.listener.onFailed(key, outcome ? fromPortable(outcome.error) : refused(job))
      if (this.missing.size === 0) this.end()
    } catch (error) {
      this.end(error)
    } finally {
      this.settling.delete(key)
    }
  }

  /** Nobody waits for these any more. Those under way are finished, for the next time. */
  private async takeBack(runs: readonly QueuedRun[]): Promise<void> {
    const jobs = await Promise.all(runs.map(({ key }) => this.jobOf(key)))
    const waiting = jobs.filter((job) => job !== undefined && job.finishedOn === undefined)
    // Removing one that is under way fails, since its worker has locked it.
    await Promise.all(waiting.map((job) => job?.remove().catch(() => {})))
  }

  private async jobOf(key: string): Promise<RunJob | undefined> {
    return this.queue.getJob(key) as Promise<RunJob | undefined>
  }

  private async forEachChunk(
    work: (runs: readonly QueuedRun[]) => Promise<void>,
    signal?: AbortSignal,
  ): Promise<void> {
    const runs = [...this.missing.values()]
    for (let from = 0; from < runs.length && !signal?.aborted; from += CHUNK) {
      await work(runs.slice(from, from + CHUNK))
    }
  }
}

/** A run that no worker could do. */
function refused({ failedReason }: RunJob): RouteSimError<ExperimentsErrorCode> {
  const why = /stalled/.test(failedReason) ? 'every worker that began it died' : failedReason
  return new RouteSimError(`no worker could do it: ${why}`, { code: 'queue_differs' })
}
