import type { Worker } from 'node:worker_threads'
import { RouteSimError } from '@routesim/core'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { Executed } from '../run/execute.js'
import { fromPortable } from './portable-error.js'
import { startWorker } from './start-worker.js'
import type { PortableRequests, WorkerAnswer, WorkerSetup, WorkerTask } from './worker-messages.js'

/** One simulation that waits for a worker. */
export interface QueuedRun {
  /** Position in the order of results. */
  readonly run: number
  readonly algorithm: number
  readonly seed: number
  readonly config: Config
  /** Whether to keep what pictures need. */
  readonly detail: boolean
  readonly windowStarts: readonly number[] | undefined
  /** Runs with equal keys have the same requests. */
  readonly requestsKey: string
  /** Called when a worker needs them. */
  requests(): Promise<PortableRequests>
}

/** What {@link runOnWorkers} works on and whom it tells. */
export interface WorkerPlan {
  readonly setup: WorkerSetup
  readonly jobs: number
  /** In the order in which they are begun. */
  readonly queue: readonly QueuedRun[]
  readonly signal: AbortSignal | undefined
  onFraction(run: number, fraction: number): void
  onDone(run: number, executed: Executed): void
  /** Hears of runs that fail, and the rest goes on; without it, the first failure ends all. */
  readonly onFailed?: ((run: number, error: Error) => void) | undefined
}

/**
 * Simulates on worker threads, a new run whenever one is free, and ends them all. It returns when all
 * is done or the signal says stop. Plain worker threads rather than a pool library: each worker keeps
 * the requests of its run before, and reports progress, which pools leave to their users.
 *
 * @throws the error of the first run in the order of results that fails, as it would be thrown
 * without workers; RouteSimError `worker_stopped` when a thread ends by itself
 */
export async function runOnWorkers(plan: WorkerPlan): Promise<void> {
  const { setup, jobs, signal } = plan
  let queue = [...plan.queue]
  let failed: { run: number; error: Error } | undefined

  const fail = (run: number, error: Error): void => {
    if (plan.onFailed !== undefined) {
      plan.onFailed(run, error)
      return
    }
    if (failed === undefined || run < failed.run) failed = { run, error }
    // Runs before it still count: one of them may fail too.
    queue = queue.filter((waiting) => waiting.run < run)
  }

  const workers: (Worker | undefined)[] = []

  const serve = async (place: number): Promise<void> => {
    let heldKey: string | undefined
    let heldConfig: Config | undefined
    for (;;) {
      const alike = queue.findIndex(({ requestsKey }) => requestsKey === heldKey)
      const [next] = queue.splice(Math.max(0, alike), 1)
      if (next === undefined || signal?.aborted) return
      const { run, algorithm, seed, detail, windowStarts, requestsKey } = next
      workers[place] ??= startWorker(setup)
      try {
        const requests = requestsKey === heldKey ? undefined : await next.requests()
        const config = next.config === heldConfig ? undefined : next.config
        const task = { run, config, requests, algorithm, seed, detail, windowStarts }
        const answer = await ask(workers[place], task, plan)
        heldKey = requestsKey
        heldConfig = next.config
        if (answer.kind === 'done') plan.onDone(run, answer.executed)
        else fail(run, fromPortable(answer.error))
      } catch (error) {
        // Threads that are ended by the signal have not failed.
        if (signal?.aborted) return
        if (error instanceof RouteSimError && error.code === 'worker_stopped') {
          if (plan.onFailed === undefined) throw error
          // The next run gets a new thread.
          workers[place] = undefined
          heldKey = undefined
          heldConfig = undefined
        }
        fail(run, error as Error)
      }
    }
  }

  for (let i = 0; i < jobs; i++) workers.push(startWorker(setup))
  let stop = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', stop)
  })
  try {
    await Promise.race([Promise.all(workers.map((_, place) => serve(place))), stopped])
  } finally {
    signal?.removeEventListener('abort', stop)
    await Promise.all(workers.map((worker) => worker?.terminate()))
  }
  if (failed !== undefined && !signal?.aborted) throw failed.error
}

/** Has a worker do one task. @throws RouteSimError `worker_stopped` when it will do no other */
export function ask(
  worker: Worker,
  task: WorkerTask,
  { onFraction }: Pick<WorkerPlan, 'onFraction'>,
): Promise<Exclude<WorkerAnswer, { kind: 'progress' }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: WorkerAnswer): void => {
      if (answer.kind === 'progress') onFraction(answer.run, answer.fraction)
      else {
        forget()
        resolve(answer)
      }
    }
    const onError = (cause: Error): void => {
      forget()
      reject(workerStopped(cause.message, cause))
    }
    const onExit = (code: number): void => {
      forget()
      reject(workerStopped(`it ended with code ${code}`))
    }
    const forget = (): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit)
    }
    worker.on('message', onMessage).on('error', onError).on('exit', onExit)
    worker.postMessage(task)
  })
}

function workerStopped(why: string, cause?: Error): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`a worker thread stopped: ${why}`, {
    code: 'worker_stopped',
    hint: 'With --jobs 1 everything runs in the main thread, which shows where it fails.',
    ...(cause && { cause }),
  })
}
