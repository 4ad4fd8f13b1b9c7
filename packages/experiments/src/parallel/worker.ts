// The body of a worker thread: simulates what it is told to, one run after another.
import { parentPort, workerData } from 'node:worker_threads'
import { type RequestSource, type RequestTable, tableSource } from '@routesim/core'
import { buildFleet, type CostedConfig, type Fleet } from '../cluster/build-cluster.js'
import { type Executed, execute } from '../run/execute.js'
import { type ResolvedAlgorithm, resolveAlgorithms } from '../run/resolve-algorithms.js'
import { runSettings } from '../run/run-settings.js'
import { visibilitiesOf } from '../run/scenario.js'
import { generatedWorkload } from '../workload/load-workload.js'
import { fromPortableAlgorithm } from './portable-algorithm.js'
import { toPortable } from './portable-error.js'
import type { PortableRequests, WorkerAnswer, WorkerSetup, WorkerTask } from './worker-messages.js'

const setup = workerData as WorkerSetup
const port = parentPort!
let cast: Promise<Cast> | undefined
/** The requests of the task at hand, and of those that follow with the same. */
let requests: (() => Promise<RequestTable | RequestSource>) | undefined

const answer = (message: WorkerAnswer): void => port.postMessage(message)

port.on('message', (task: WorkerTask) => {
  simulate(task).then(
    (executed) => answer({ kind: 'done', run: task.run, executed }),
    (error) => answer({ kind: 'failed', run: task.run, error: toPortable(error) }),
  )
})

async function simulate({
  run,
  algorithm,
  seed,
  detail,
  windowStarts,
  config,
  ...task
}: WorkerTask): Promise<Executed> {
  if (config !== undefined) cast = prepare(config)
  const { fleet, algorithms, config: own } = await cast!
  if (task.requests !== undefined) {
    // The table before goes first: two may be more than memory holds.
    requests = undefined
    requests = await supplyOf(task.requests)
  }
  const execution = {
    fleet,
    requests: await requests!(),
    algorithm: algorithms[algorithm]!,
    seed,
    detail,
    windowStarts,
    settings: runSettings(own),
    sampleIntervalMs: setup.sampleIntervalMs,
  }
  return execute(execution, undefined, (fraction) => answer({ kind: 'progress', run, fraction }))
}

/** What takes part in runs of one config. */
interface Cast {
  readonly config: CostedConfig
  readonly fleet: Fleet
  readonly algorithms: readonly ResolvedAlgorithm[]
}

async function prepare(config: CostedConfig): Promise<Cast> {
  const choices = await Promise.all(setup.algorithms.map(fromPortableAlgorithm))
  const algorithms = resolveAlgorithms(choices, config, visibilitiesOf(setup.visibility, config))
  return { config, fleet: buildFleet(config, setup.stepper), algorithms }
}

async function supplyOf(
  supply: PortableRequests,
): Promise<() => Promise<RequestTable | RequestSource>> {
  const { perRequest } = setup
  if ('table' in supply) {
    const { table } = supply
    return async () => (perRequest ? table : tableSource(table))
  }
  const workload = generatedWorkload(supply.generator)
  const { seed } = supply
  return () => (perRequest ? workload.requests(seed) : workload.source(seed))
}
