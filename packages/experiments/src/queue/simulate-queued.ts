import { resolve } from 'node:path'
import { RouteSimError } from '@routesim/core'
import { withFilePaths } from '../config/locate-files.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { executeRuns, type PlannedRun } from '../parallel/execute-runs.js'
import { fromPortableAlgorithm } from '../parallel/portable-algorithm.js'
import { toPortable } from '../parallel/portable-error.js'
import { type AlgorithmChoice, resolveAlgorithms } from '../run/resolve-algorithms.js'
import { visibilitiesOf } from '../run/scenario.js'
import { pointKey } from '../sweep/point-key.js'
import { type Traffic, TrafficStore } from '../sweep/traffic.js'
import { fileHash, type QueuedOutcome, type QueuedRun } from './queued-run.js'

/** Does runs that came out of a queue, and keeps the trace of the latest for the next. */
export class QueuedSimulator {
  private latest: { readonly name: string; readonly store: TrafficStore } | undefined

  /**
   * Simulates on a worker thread, so that this one can tell the queue that it lives.
   *
   * @returns what came of it; nothing when the signal said stop
   * @throws RouteSimError when this machine can not do the run: a file is missing or another one
   * (`queue_differs`), or the thread ended (`worker_stopped`)
   */
  async simulate(run: QueuedRun, signal: AbortSignal): Promise<QueuedOutcome | undefined> {
    const { choices, planned } = await this.prepare(run)
    const { visibility, stepper, perRequest } = run
    let outcome: QueuedOutcome | undefined
    let stopped: Error | undefined
    await executeRuns(
      { runs: [planned], choices, visibility, stepper, perRequest, sampleIntervalMs: undefined },
      { signal, jobs: 1, isApart: true },
      {
        onFraction() {},
        onDone: (_, { summary }) => {
          outcome = { status: 'ok', result: summary }
        },
        onFailed: (_, error) => {
          if (codeOf(error) === 'worker_stopped') stopped = error
          else outcome = { status: 'failed', error: toPortable(error) }
        },
      },
    )
    if (stopped !== undefined) throw stopped
    return outcome
  }

  private async prepare(
    run: QueuedRun,
  ): Promise<{ readonly choices: readonly AlgorithmChoice[]; readonly planned: PlannedRun }> {
    for (const [path, hash] of Object.entries(run.files)) {
      const found = fileHash(path)
      if (found !== hash) throw differs(path, found === '' ? 'can not be read' : 'is another file')
    }
    const choices = await Promise.all(run.algorithms.map(fromPortableAlgorithm))
    const { config, workload, hash } = await this.trafficOf(run)
    if (hash !== run.requestsHash) {
      // It may have been put in place since it was read.
      this.latest = undefined
      throw differs(run.traffic.path ?? 'trace', 'holds other requests')
    }
    const visibilities = visibilitiesOf(run.visibility, config)
    const { choice, visibility } = resolveAlgorithms(choices, config, visibilities)[run.algorithm]!
    const { seed, stepper, perRequest } = run
    const identity = { config, algorithm: choice, visibility, seed, stepper, perRequest }
    if (pointKey({ ...identity, requests: hash }) !== run.key) {
      const file = run.algorithms.map((each) => typeof each === 'object' && each.file).find(Boolean)
      throw differs(file || 'the run', file ? 'is another file' : 'did not arrive as it was sent')
    }
    const absolute = withFilePaths(config, (path) => resolve(run.directory, path))
    const { algorithm } = run
    const planned = { run: 0, scenario: { config: absolute }, workload, seed, algorithm }
    return { choices, planned }
  }

  private trafficOf({ traffic, config, rate }: QueuedRun): Promise<Traffic> {
    const { path, ...how } = traffic
    const name = JSON.stringify(traffic)
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

function codeOf(error: Error): string | undefined {
  return error instanceof RouteSimError ? error.code : undefined
}
