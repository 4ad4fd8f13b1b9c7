import type { Worker } from 'node:worker_threads'
import { RouteSimError } from '@routesim/core'
import { type ConfigFile, fileHash, withFilePaths } from '../config/config-files.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { portableRequests } from '../parallel/execute-runs.js'
import { fromPortableAlgorithm, routerFiles } from '../parallel/portable-algorithm.js'
import { toPortable } from '../parallel/portable-error.js'
import { ask } from '../parallel/run-on-workers.js'
import { startWorker } from '../parallel/start-worker.js'
import type { PortableRequests } from '../parallel/worker-messages.js'
import { resolveAlgorithms } from '../run/resolve-algorithms.js'
import { visibilitiesOf } from '../run/scenario.js'
import { pointKey } from '../sweep/point-key.js'
import { type Traffic, TrafficStore } from '../sweep/traffic.js'
import type { WorkloadSource } from '../workload/load-workload.js'
import type { QueuedOutcome, QueuedRun } from './queued-run.js'

/** A worker thread, and what it was born with, by which it is known again. */
interface Thread {
  readonly setup: string
  readonly worker: Worker
}

/** Does runs that came out of a queue, and keeps threads and the trace of the latest for the next. */
export class QueuedSimulator {
  private latest: { readonly name: string; readonly store: TrafficStore } | undefined
  private readonly idle: Thread[] = []

  /**
   * Simulates on a worker thread, so that this one can tell the queue that it lives.
   *
   * @returns what came of it; nothing when the signal said stop
   * @throws RouteSimError when this machine can not do the run: a file is missing or another one
   * (`queue_differs`), or the thread ended (`worker_stopped`)
   */
  async simulate(run: QueuedRun, signal: AbortSignal): Promise<QueuedOutcome | undefined> {
    const { config, workload } = await this.prepare(run)
    const { algorithm, seed } = run
    let requests: PortableRequests
    try {
      requests = await portableRequests(workload, seed, false, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      return { status: 'failed', error: toPortable(error) }
    }
    const thread = await this.threadFor(run)
    const stop = (): void => void thread.worker.terminate()
    signal.addEventListener('abort', stop)
    try {
      if (signal.aborted) stop()
      const task = { run: 0, config, requests, algorithm, seed, detail: false }
      const answer = await ask(thread.worker, task, { onFraction() {} })
      this.idle.push(thread)
      if (answer.kind === 'failed') return { status: 'failed', error: answer.error }
      return { status: 'ok', result: answer.executed.summary }
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await Promise.all(this.idle.splice(0).map(({ worker }) => worker.terminate()))
  }

  private async threadFor(run: QueuedRun): Promise<Thread> {
    const { stepper, perRequest, visibility, algorithms } = run
    const data = { stepper, perRequest, sampleIntervalMs: undefined, visibility, algorithms }
    // A thread does not see that the file of a router has changed.
    const files = routerFiles(algorithms).map(fileHash)
    const setup = JSON.stringify([data, files])
    const alike = this.idle.findIndex((thread) => thread.setup === setup)
    if (alike >= 0) return this.idle.splice(alike, 1)[0]!
    await this.close()
    const worker = startWorker(data)
    const thread = { setup, worker }
    // One that ends between two runs, for whatever reason, is no longer there for the next.
    worker.on('error', () => {})
    worker.on('exit', () => {
      const place = this.idle.indexOf(thread)
      if (place >= 0) this.idle.splice(place, 1)
    })
    return thread
  }

  private async prepare(
    run: QueuedRun,
  ): Promise<{ readonly config: Config; readonly workload: WorkloadSource }> {
    const files = new Map<string, ConfigFile>()
    for (const file of run.files) {
      const hash = fileHash(file.absolute)
      const how = hash === '' ? 'can not be read' : 'is another file'
      if (hash !== file.hash) throw differs(file.absolute, how)
      files.set(file.path, file)
    }
    // As it is simulated: its events are where the rate has them.
    const config = withFilePaths(run.config, (path) => files.get(path)?.absolute ?? path)
    const choices = await Promise.all(run.algorithms.map(fromPortableAlgorithm))
    const { workload, hash } = await this.trafficOf(run, config)
    if (hash !== run.requestsHash) {
      // It may have been put in place since it was read.
      this.latest = undefined
      throw differs(run.traffic.path ?? 'trace', 'holds other requests')
    }
    const visibilities = visibilitiesOf(run.visibility, config)
    const { choice, visibility } = resolveAlgorithms(choices, config, visibilities)[run.algorithm]!
    const { seed, stepper, perRequest } = run
    const identity = {
      config: run.config,
      algorithm: choice,
      visibility,
      seed,
      stepper,
      perRequest,
    }
    if (pointKey({ ...identity, requests: hash, files: run.files }) !== run.key) {
      const [file] = routerFiles(run.algorithms)
      throw differs(file ?? 'the run', file ? 'is another file' : 'did not arrive as it was sent')
    }
    return { config, workload }
  }

  private trafficOf({ traffic, rate, files }: QueuedRun, config: Config): Promise<Traffic> {
    const { path, ...how } = traffic
    // Of equal configs with other numbers in their files, each has its own.
    const name = JSON.stringify([traffic, files])
    if (this.latest?.name !== name) {
      const store = new TrafficStore({ ...how, trace: path, configPath: undefined })
      this.latest = { name, store }
    }
    const { store } = this.latest
    return store.at(config, rate).catch((error: unknown) => {
      // The next run looks again.
      if (this.latest?.store === store) this.latest = undefined
      throw error
    })
  }
}

function differs(path: string, how: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${path}: ${how} at this worker`, {
    code: 'queue_differs',
    path,
    hint: 'Files that a sweep needs have to be at the same path, and the same, at every worker.',
  })
}
