import type { BackendSpec, ClusterSpec } from '@routesim/core'
import type { KvEvent } from '../kv-events/kv-event.js'
import { KvEventPublisher } from '../kv-events/kv-event-publisher.js'
import type { FailureOptions } from './failure-switches.js'
import { NO_FAILURES } from './failure-switches.js'
import { MockEngine } from './mock-engine.js'
import { MockWorker } from './mock-worker.js'

/** Where KV events of mock workers are published. */
export interface MockKvEventOptions {
  /** Port of the first worker's events; 0 for any free ones. */
  readonly port: number
  /** Port of the first worker's replays; 0 for any free ones. */
  readonly replayPort: number
  readonly topic: string
  readonly bufferedBatches: number
}

/** What {@link startMockWorkers} takes. */
export interface MockWorkersOptions {
  /** One worker per backend. */
  readonly cluster: Pick<ClusterSpec, 'backends' | 'kvTransfer'>
  readonly prefixCaching: boolean
  readonly host: string
  /** Port of the first worker, the others follow; 0 for any free ones. */
  readonly port: number
  /** Name of the model where the cluster does not say. */
  readonly model: string
  readonly speedup: number
  readonly startupMs: number
  readonly defaultMaxTokens: number
  readonly seed: number
  /** Undefined for no events. */
  readonly kvEvents?: MockKvEventOptions | undefined
  /** Failures of every worker, or of one. */
  readonly failures?: FailureOptions | undefined
  readonly failingWorker?: number | undefined
}

/** Where a worker can be reached. */
export interface WorkerAddress {
  readonly url: string
  readonly role: BackendSpec['role']
  /** Where its KV events are published and replayed. */
  readonly kvEvents?: string
  readonly kvReplay?: string
}

/** Mock workers that are up. */
export interface MockWorkers {
  readonly workers: readonly WorkerAddress[]
  readonly engine: MockEngine
  /** Stops all, when requests under way have ended or after so long. */
  close(graceMs?: number): Promise<void>
}

/**
 * Starts vLLM-like HTTP servers whose timing is that of the simulator's backends, in this process.
 *
 * @throws RouteSimError `address_in_use`, `zeromq_missing`
 */
export async function startMockWorkers(options: MockWorkersOptions): Promise<MockWorkers> {
  const { backends, kvTransfer } = options.cluster
  const owners = backends.flatMap(({ dp = 1 }, id) => Array.from({ length: dp }, () => id))
  const publishers: KvEventPublisher[] = []
  const ranksOf = (id: number) => owners.flatMap((owner, rank) => (owner === id ? [rank] : []))
  const engine = new MockEngine({
    backends: owners.map((id) => backends[id]!),
    kvTransfer,
    prefixCaching: options.prefixCaching,
    speedup: options.speedup,
    onKvEvents:
      options.kvEvents === undefined
        ? undefined
        : (rank, events) => {
            const id = owners[rank]!
            publish(publishers[id]!, events, rank - ranksOf(id)[0]!)
          },
  })
  const workers = backends.map(
    (spec, id) => new MockWorker(engine, workerOptions(spec, id, ranksOf(id), options)),
  )
  // Ports are taken when nothing else can fail any more.
  publishers.push(...(await openPublishers(options)))
  const close = async (graceMs = 0): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close(graceMs)))
    engine.stop()
    for (const publisher of publishers) publisher.close()
  }
  const ports = await allOrNone(
    workers.map((worker, id) =>
      worker.listen(options.host, options.port === 0 ? 0 : options.port + id),
    ),
    () => close(),
  )
  const hostInUrl = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    engine,
    workers: ports.map((port, id) => ({
      url: `http://${hostInUrl}:${port}`,
      role: backends[id]!.role,
      ...(publishers[id] === undefined
        ? {}
        : { kvEvents: publishers[id].endpoint, kvReplay: publishers[id].replayEndpoint }),
    })),
    close,
  }
}

function workerOptions(
  spec: BackendSpec,
  id: number,
  ranks: readonly number[],
  options: MockWorkersOptions,
) {
  const { model, speedup, startupMs, defaultMaxTokens, seed, failingWorker } = options
  const { failures = NO_FAILURES } = options
  return {
    id,
    ranks,
    speedup,
    startupMs,
    defaultMaxTokens,
    seed,
    role: spec.role,
    model: spec.model ?? model,
    blockTokens: spec.kv.blockTokens,
    failures: failingWorker === undefined || failingWorker === id ? failures : NO_FAILURES,
  }
}

async function openPublishers({
  cluster,
  host,
  kvEvents,
}: MockWorkersOptions): Promise<KvEventPublisher[]> {
  if (kvEvents === undefined) return []
  const { port, replayPort, topic, bufferedBatches } = kvEvents
  const endpoint = (first: number, id: number): string =>
    `tcp://${host}:${first === 0 ? '*' : first + id}`
  return allOrNone(
    cluster.backends.map((_, id) =>
      KvEventPublisher.open({
        endpoint: endpoint(port, id),
        replayEndpoint: endpoint(replayPort, id),
        topic,
        bufferedBatches,
      }),
    ),
    async (publishers) => {
      for (const publisher of publishers) publisher.close()
    },
  )
}

/** What all of them give; when one fails, what the others gave is undone first. */
async function allOrNone<T>(
  all: readonly Promise<T>[],
  undo: (given: readonly T[]) => Promise<void>,
): Promise<T[]> {
  const settled = await Promise.allSettled(all)
  const given = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = settled.find((each) => each.status === 'rejected')
  if (failed === undefined) return given
  await undo(given)
  throw failed.reason
}

function publish(publisher: KvEventPublisher, events: readonly KvEvent[], rank: number): void {
  const timestampSec = (performance.timeOrigin + performance.now()) / 1000
  publisher.publish({ timestampSec, events, rank })
}
