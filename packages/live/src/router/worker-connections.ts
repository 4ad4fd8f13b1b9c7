import { KvEventSubscriber } from '../kv-events/kv-event-subscriber.js'
import { rankEndpoint } from '../kv-events/rank-endpoint.js'
import { BackendMonitor } from './backend-monitor.js'
import { EventKnowledge } from './kv-knowledge.js'
import type { LiveBackend } from './live-backend.js'
import { readKeyFile } from './read-key-file.js'
import type { RouterConfig } from './router-config.js'
import type { RouterCore } from './router-core.js'
import type { RouterLogEntry } from './router-log-entry.js'
import type { KvEventTotals } from './router-stats.js'
import { Upstream, type UpstreamTimeouts } from './upstream.js'

/** What {@link WorkerConnections} takes. */
export interface WorkerConnectionsOptions {
  readonly core: RouterCore
  readonly config: () => RouterConfig
  readonly log: (entry: RouterLogEntry) => void
  /** Told when a worker comes up or goes down. */
  readonly onTurn: () => void
}

interface Connection {
  readonly upstream: Upstream
  readonly monitor: BackendMonitor
  /** One for each address of KV events. */
  subscribers: readonly KvEventSubscriber[]
  /** Where KV events are heard, as text. */
  endpoints: string
}

/** Keys of workers by the files that hold them. */
export type WorkerKeys = ReadonlyMap<string, string>

/** How requests get to workers, and how their health, figures and KV events are heard. */
export class WorkerConnections {
  private readonly options: WorkerConnectionsOptions
  private readonly connections = new Map<LiveBackend, Connection>()
  private keys: WorkerKeys = new Map()

  constructor(options: WorkerConnectionsOptions) {
    this.options = options
  }

  upstreamOf(backend: LiveBackend): Upstream {
    return this.connections.get(backend)!.upstream
  }

  /** Workers are asked with these keys from now on; what they serve is asked again. */
  useKeys(keys: WorkerKeys): void {
    this.keys = keys
    for (const [backend, { upstream, monitor }] of this.connections) {
      upstream.apiKey = this.keyOf(backend)
      monitor.askModels()
    }
  }

  /** Keys beside those in use, for workers that are yet to be taken over. */
  addKeys(keys: WorkerKeys): void {
    this.keys = new Map([...this.keys, ...keys])
  }

  open(backend: LiveBackend): void {
    const { core, config, log, onTurn } = this.options
    const { id: worker, url } = backend
    const upstream = new Upstream(url, timeoutsOf(config), this.keyOf(backend))
    const connection: Connection = {
      upstream,
      subscribers: [],
      endpoints: '',
      monitor: new BackendMonitor(backend, upstream, core, config, {
        up: () => {
          log({ event: 'worker_up', worker, url })
          // It may be another process than before, with an empty cache and numbers that start over.
          for (const each of connection.subscribers) each.restart()
          onTurn()
        },
        down: (reason) => {
          log({ event: 'worker_down', worker, url, reason })
          onTurn()
        },
        unreadable: (path, reason) =>
          log({ event: 'worker_unreadable', worker, url, path, reason }),
        models: (models) => log({ event: 'worker_models', worker, url, models: models.join(', ') }),
      }),
    }
    this.connections.set(backend, connection)
  }

  /** Asks a worker for its health, and goes on to. Settles when it has been asked once. */
  watch(backend: LiveBackend): Promise<void> {
    return this.connections.get(backend)!.monitor.start()
  }

  /** Hears of the KV events of a worker where its config says now; what came from elsewhere is forgotten. */
  async listen(backend: LiveBackend): Promise<void> {
    const connection = this.connections.get(backend)!
    const { knowledge } = this.options.core
    const { kv_events: first, kv_replay: firstReplay, data_parallel_size: ranks } = backend.config
    const endpoints = JSON.stringify([first, firstReplay, ranks])
    if (!(knowledge instanceof EventKnowledge) || endpoints === connection.endpoints) return
    connection.endpoints = endpoints
    if (connection.subscribers.length > 0) {
      for (const each of connection.subscribers) each.close()
      connection.subscribers = []
      knowledge.forget(backend.id)
    }
    if (first === undefined) return
    const { kv_topic: topic } = this.options.config()
    const open = (rank: number): Promise<KvEventSubscriber> => {
      const endpoint = rankEndpoint(first, rank)
      const replayEndpoint = firstReplay && rankEndpoint(firstReplay, rank)
      // Where there is one address, what comes from there tells the rank that it is of.
      const own = ranks === 1 ? undefined : rank
      return KvEventSubscriber.open(
        { endpoint, replayEndpoint, topic, replayTimeoutMs: 5000 },
        {
          apply: (batch) => knowledge.apply(backend.id, { ...batch, rank: own ?? batch.rank }),
          forget: () => knowledge.forget(backend.id, own),
        },
      )
    }
    connection.subscribers = await Promise.all(Array.from({ length: ranks }, (_, i) => open(i)))
  }

  close(backend: LiveBackend): void {
    const connection = this.connections.get(backend)
    if (connection === undefined) return
    this.connections.delete(backend)
    connection.monitor.stop()
    for (const each of connection.subscribers) each.close()
    connection.upstream.close()
  }

  /** Asks nothing of a worker any more, and leaves it when the requests for it have ended. */
  closeWhenIdle(backend: LiveBackend): void {
    this.connections.get(backend)?.monitor.stop()
    if (!this.options.core.isInUse(backend)) this.close(backend)
    else setTimeout(() => this.closeWhenIdle(backend), 100).unref()
  }

  closeAll(): void {
    for (const backend of [...this.connections.keys()]) this.close(backend)
  }

  /** Of all workers. */
  kvEventTotals(): KvEventTotals {
    return totalsOf([...this.connections.values()].flatMap(({ subscribers }) => subscribers))
  }

  /** Of all ranks of a worker; null where nobody listens. */
  kvEventsOf(backend: LiveBackend): KvEventTotals | null {
    const { subscribers = [] } = this.connections.get(backend) ?? {}
    return subscribers.length === 0 ? null : totalsOf(subscribers)
  }

  private keyOf({ config }: LiveBackend): string | undefined {
    return config.api_key_file === undefined ? undefined : this.keys.get(config.api_key_file)
  }
}

/** Reads the keys of workers. @throws RouteSimError `key_unreadable` */
export async function readWorkerKeys({ workers }: RouterConfig): Promise<WorkerKeys> {
  const read = workers.flatMap(({ api_key_file: path }, i) =>
    path === undefined
      ? []
      : readKeyFile(path, `workers.${i}.api_key_file`).then((key) => [path, key] as const),
  )
  return new Map(await Promise.all(read))
}

function totalsOf(subscribers: readonly KvEventSubscriber[]): KvEventTotals {
  const totals = { batches: 0, gaps: 0, duplicates: 0, resets: 0, malformed: 0 }
  for (const { counts } of subscribers) {
    for (const key of Object.keys(totals) as (keyof KvEventTotals)[]) totals[key] += counts[key]
  }
  return totals
}

/** Times that follow the config when it changes. */
function timeoutsOf(configNow: () => RouterConfig): UpstreamTimeouts {
  return {
    get connectMs() {
      return configNow().connect_timeout_ms
    },
    get firstByteMs() {
      return configNow().first_byte_timeout_ms
    },
    get idleMs() {
      return configNow().idle_timeout_ms
    },
    get stallMs() {
      return configNow().client_timeout_ms
    },
  }
}
