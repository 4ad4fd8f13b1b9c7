import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Config } from '@routesim/experiments'
import { faultName } from '../fault-name.js'
import {
  HTTP_LIMITS,
  type HttpHandler,
  HttpServer,
  readBody,
  sendError,
  sendJson,
} from '../http/http-server.js'
import { PrometheusText } from '../metrics/prometheus-text.js'
import { ApiError } from '../openai/api-error.js'
import { parseCompletionRequest } from '../openai/completion-request.js'
import { checkKey } from './check-key.js'
import { CompletionHandler } from './completion-handler.js'
import type { LiveBackend } from './live-backend.js'
import { promptHashes, promptTokensOf, toldHashes } from './live-request.js'
import { type AlgorithmFactory, loadAlgorithmFactory } from './load-algorithm-factory.js'
import { modelList } from './model-list.js'
import { isTimeFor, type NextFleet } from './next-fleet.js'
import { checkReload, type RouterConfig } from './router-config.js'
import { RouterCore } from './router-core.js'
import type { RouterLogEntry } from './router-log-entry.js'
import { RouterStats } from './router-stats.js'
import { TrafficRecorder } from './traffic-recorder.js'
import { readWorkerKeys, WorkerConnections } from './worker-connections.js'

/** What {@link startRouter} takes. */
export interface RouterServerOptions {
  readonly config: RouterConfig
  /** Parameters of algorithms where the config's has none, by name: of a config of the simulator. */
  readonly algorithms?: Config['algorithms'] | undefined
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Address and port of metrics, workers and decisions; loopback if absent, 0 for any port that is free. */
  readonly adminHost?: string | undefined
  readonly adminPort: number
  /** What clients must send as `Authorization: Bearer ...`; undefined for nothing. */
  readonly apiKey?: string | undefined
  /** File that live traffic is recorded to; one that is there goes on. */
  readonly record?: string | undefined
  readonly onLog?: (entry: RouterLogEntry) => void
}

/** A router that is up. */
export interface RunningRouter {
  readonly url: string
  readonly adminUrl: string
  readonly stats: RouterStats
  readonly core: RouterCore
  /**
   * Takes over another config while requests go on: when all its workers have been asked for their health, and once one
   * of them can take requests, as long as one of the present ones can. Another reload goes before one that waits.
   *
   * @throws RouteSimError when its algorithm is unknown
   */
  reload(config: RouterConfig): Promise<void>
  /** Takes no more requests, and stops when those under way have ended, or after so long. */
  close(graceMs?: number): Promise<void>
}

/**
 * Starts an OpenAI-compatible server that sends each request to the worker a routing algorithm chooses.
 * Settles when every worker has been asked for its health once.
 *
 * @throws RouteSimError `address_in_use`, `zeromq_missing`, `key_unreadable`, `record_failed`
 */
export async function startRouter(options: RouterServerOptions): Promise<RunningRouter> {
  const create = await loadAlgorithmFactory(options.config.algorithm, options.algorithms)
  return new RouterServer(options, create).start()
}

class RouterServer {
  private readonly options: RouterServerOptions
  private config: RouterConfig
  private readonly core: RouterCore
  private readonly stats = new RouterStats()
  private readonly recorder: TrafficRecorder | undefined
  private readonly connections: WorkerConnections
  private readonly server: HttpServer
  private readonly admin: HttpServer
  /** What is to be taken over, while its workers are asked. */
  private next: NextFleet | undefined
  private isDraining = false
  private readonly startMs = performance.now()

  /** @param create - makes what the config names */
  constructor(options: RouterServerOptions, create: AlgorithmFactory) {
    const { config, apiKey, record } = options
    this.options = options
    this.config = config
    const now = (): number => performance.now() - this.startMs
    const onFault = (error: unknown): void => this.log({ event: 'fault', what: faultName(error) })
    const onMoveRefused = (algorithm: string): void =>
      this.log({ event: 'moves_refused', algorithm })
    const onMetricLeftOut = (algorithm: string, metric: string, why: string): void =>
      this.log({ event: 'metric_left_out', algorithm, metric, why })
    const onForeignBlocks = (worker: number, blockTokens: number): void =>
      this.log({
        event: 'kv_events_refused',
        worker,
        why: `block_tokens: expected blocks of ${config.block_tokens} tokens, got ${blockTokens}`,
        hint: 'Give the router the block size of its workers (--block-size), and restart it.',
      })
    this.core = new RouterCore(config, create, now, {
      onFault,
      onMoveRefused,
      onMetricLeftOut,
      onForeignBlocks,
    })
    this.connections = new WorkerConnections({
      core: this.core,
      config: () => this.config,
      log: (entry) => this.log(entry),
      onTurn: () => this.takeOverInTime(),
    })
    this.warn(create)
    this.recorder =
      record === undefined
        ? undefined
        : new TrafficRecorder(record, config.block_tokens, (why) =>
            this.log({ event: 'recording_failed', path: record, why }),
          )
    const handler = new CompletionHandler({
      core: this.core,
      stats: this.stats,
      config: () => this.config,
      upstreamOf: (backend) => this.connections.upstreamOf(backend),
      recorder: this.recorder,
      passesCredentials: apiKey === undefined,
      log: (entry) => this.log(entry),
    })
    const guarded =
      (handle: HttpHandler): HttpHandler =>
      (request, response) => {
        checkKey(request, apiKey)
        if (this.isDraining) throw new ApiError(503, 'the router is shutting down')
        return handle(request, response)
      }
    const limits = {
      ...HTTP_LIMITS,
      maxBodyBytes: config.max_body_bytes,
      headersTimeoutMs: Math.min(HTTP_LIMITS.headersTimeoutMs, config.client_timeout_ms),
      requestTimeoutMs: config.client_timeout_ms,
    }
    this.server = new HttpServer(
      {
        'POST /v1/chat/completions': guarded((q, r) => handler.handle('chat', q, r)),
        'POST /v1/completions': guarded((q, r) => handler.handle('completions', q, r)),
        'GET /v1/models': guarded((_, response) =>
          sendJson(response, modelList(this.core.backends.map(({ served = [] }) => served))),
        ),
        'GET /health': (_, response) => this.health(response),
      },
      limits,
      onFault,
      () => this.config.allowed_origins,
    )
    this.admin = new HttpServer(
      {
        'GET /health': (_, response) => this.health(response),
        'GET /metrics': async (_, response) => {
          const connections = await this.server.connections()
          const events = this.connections.kvEventTotals()
          response.setHeader('content-type', PrometheusText.contentType)
          response.end(this.stats.text(this.core, events, connections, this.recorder))
        },
        'GET /workers': (_, response) => sendJson(response, JSON.stringify(this.workers())),
        'GET /decisions': (request, response) => this.decisions(request, response),
        'POST /find_best_worker': (request, response) => this.findBestWorker(request, response),
      },
      limits,
      onFault,
    )
  }

  async start(): Promise<RunningRouter> {
    const { host, port, adminPort, adminHost = '127.0.0.1' } = this.options
    try {
      const resumed = await this.recorder?.open()
      if (resumed !== undefined) {
        const { nowMs, cutBytes } = resumed
        this.log({ event: 'recording_resumed', at_ms: Math.round(nowMs), cut_bytes: cutBytes })
      }
      this.connections.addKeys(await readWorkerKeys(this.config))
      await Promise.all(
        this.core.backends.map(async (backend) => {
          this.connections.open(backend)
          await this.connections.listen(backend)
          await this.connections.watch(backend)
        }),
      )
      const [dataPort, ownAdminPort] = [
        await this.server.listen(host, port),
        await this.admin.listen(adminHost, adminPort),
      ]
      return {
        url: urlOf(host, dataPort),
        adminUrl: urlOf(adminHost, ownAdminPort),
        stats: this.stats,
        core: this.core,
        reload: (config) => this.reload(config),
        close: (graceMs) => this.close(graceMs ?? this.config.drain_ms),
      }
    } catch (error) {
      this.connections.closeAll()
      await Promise.all([this.server.close(), this.admin.close(), this.recorder?.close()])
      throw error
    }
  }

  private async reload(config: RouterConfig): Promise<void> {
    checkReload(this.config, config)
    const create = await loadAlgorithmFactory(config.algorithm, this.options.algorithms)
    const keys = await readWorkerKeys(config)
    this.forgetNext()
    const backends = this.core.workersOf(config)
    const next: NextFleet = { config, create, keys, backends, isAsked: false }
    this.next = next
    // The present workers keep theirs until then.
    this.connections.addKeys(keys)
    const added = backends.filter(({ isPresent }) => !isPresent)
    for (const backend of added) this.connections.open(backend)
    const asked = Promise.all(added.map((backend) => this.connections.watch(backend)))
    if (isTimeFor(next, this.core.backends)) {
      await Promise.all([this.takeOver(next), asked])
      return
    }
    await asked
    if (this.next !== next) return
    next.isAsked = true
    if (isTimeFor(next, this.core.backends)) return this.takeOver(next)
    this.log({
      event: 'reload_waits',
      why: 'none of its workers can take requests yet, and the present ones can',
    })
  }

  /** Takes over what waits, if it is time. */
  private takeOverInTime(): void {
    const { next } = this
    if (next === undefined || !isTimeFor(next, this.core.backends)) return
    this.takeOver(next).catch((error) => this.log({ event: 'fault', what: faultName(error) }))
  }

  private async takeOver({ config, create, keys, backends }: NextFleet): Promise<void> {
    this.next = undefined
    const { added, removed, changed } = this.core.reconfigure(config, create, backends)
    this.config = config
    this.warn(create)
    this.connections.useKeys(keys)
    for (const backend of removed) this.connections.closeWhenIdle(backend)
    // Algorithms hear of the blocks of workers once they know the workers.
    const listeners = [...added, ...changed]
    await Promise.all(listeners.map((each) => this.connections.listen(each)))
    const counts = { added: added.length, removed: removed.length, changed: changed.length }
    this.log({ event: 'reloaded', ...counts })
  }

  /** What waits is not taken over any more. */
  private forgetNext(): void {
    for (const backend of this.next?.backends ?? [])
      if (!backend.isPresent) this.connections.close(backend)
    this.next = undefined
  }

  private async close(graceMs: number): Promise<void> {
    this.isDraining = true
    this.forgetNext()
    this.log({ event: 'draining', in_flight: this.stats.inFlight })
    await this.server.close(graceMs)
    this.core.held.stopTimers()
    this.core.progress.stop()
    await this.admin.close(0)
    this.connections.closeAll()
    await this.recorder?.close()
    const { recorded, dropped } = this.recorder ?? {}
    this.log({ event: 'stopped', in_flight: this.stats.inFlight, recorded, dropped })
  }

  private health(response: ServerResponse): void {
    const up = this.core.backends.filter(({ isUp }) => isUp).length
    const isReady = up > 0 && !this.isDraining
    const status = this.isDraining ? 'draining' : isReady ? 'ok' : 'no_workers'
    sendJson(response, JSON.stringify({ status, workers_up: up }), isReady ? 200 : 503)
  }

  private workers() {
    const nowMs = this.core.now()
    return this.core.backends.map((backend) => {
      this.core.refresh(backend)
      const { id, url, role, model, models, isUp, available, waiting, running, outstanding } =
        backend
      return {
        id,
        url,
        role,
        model,
        models: models ?? null,
        up: isUp,
        available,
        breaker: backend.breaker.state(nowMs),
        waiting,
        running,
        in_flight: outstanding,
        pending_prompt_tokens: backend.pendingPromptTokens,
        kv_usage: backend.kvUsage,
        metrics_age_ms: backend.sample === undefined ? null : nowMs - backend.sample.takenMs,
        dispatched: backend.dispatched,
        failures: backend.failures,
        last_error: troublesOf(backend),
        kv_events: this.connections.kvEventsOf(backend),
      }
    })
  }

  private decisions(request: IncomingMessage, response: ServerResponse): void {
    const { searchParams } = new URL(request.url!, 'http://localhost')
    const last = Number(searchParams.get('last') ?? 20)
    if (!Number.isInteger(last) || last < 1)
      throw new ApiError(400, 'last: expected an integer >= 1')
    const decisions = this.core.decisions.last(last)
    sendJson(response, JSON.stringify({ algorithm: this.core.algorithmName, decisions }))
  }

  /** Says where a request should go, for clients that send it there themselves. */
  private async findBestWorker(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await readBody(request, this.config.max_body_bytes)).toString('utf8')
    const { promptTokens, hashes, model, adapter } = bestWorkerQuestion(text, this.config, (name) =>
      this.core.named(name),
    )
    const facts = { maxTokens: 0, session: undefined, user: undefined, tenant: undefined }
    const ticket = this.core.begin(
      { ...facts, promptTokens, model, adapter, priority: 0, isStreamed: true },
      hashes,
    )
    const answer = this.core.ask(ticket)
    if (answer.kind !== 'send') {
      const reason = answer.kind === 'hold' ? 'it would be held' : answer.reason
      sendError(response, new ApiError(503, `no worker can take the request (${reason})`))
      return
    }
    const { prefill, decode, matchedTokens } = answer
    const reply = {
      worker_id: prefill.id,
      url: prefill.url,
      matched_tokens: matchedTokens,
      ...(prefill === decode ? {} : { decode_worker_id: decode.id, decode_url: decode.url }),
    }
    sendJson(response, JSON.stringify(reply))
  }

  /** Says what the algorithm looks at and nobody tells. */
  private warn({ observes = [] }: AlgorithmFactory): void {
    const { metrics_interval_ms, workers } = this.config
    this.warnOfKvEvents()
    const isTold = metrics_interval_ms > 0 || workers.every(({ kv_tokens }) => kv_tokens > 0)
    if (isTold || !observes.includes('kv usage')) return
    this.log({
      event: 'kv_usage_unknown',
      algorithm: this.core.algorithmName,
      why: 'it looks at the KV usage of workers, which is taken for 0 as nothing tells it',
      hint: 'Set metrics_interval_ms (--metrics-interval), or kv_tokens of each of [[workers]].',
    })
  }

  private warnOfKvEvents(): void {
    const { kv_index, workers } = this.config
    if (kv_index !== 'events') {
      if (!this.core.hearsKvEvents) return
      this.log({
        event: 'kv_events_unheard',
        algorithm: this.core.algorithmName,
        why: `it wants to hear of KV events, and with kv_index "${kv_index}" there are none`,
        hint: 'Set kv_index to "events" (--kv-events).',
      })
      return
    }
    const unheard = workers.filter(({ kv_events }) => kv_events === undefined)
    if (unheard.length === 0) return
    this.log({
      event: 'kv_events_unheard',
      urls: unheard.map(({ url }) => url).join(', '),
      why: 'these are taken to hold nothing, as kv_index is "events" and nothing says where theirs are',
      hint: 'Set kv_events of each of [[workers]] (--kv-events-from).',
    })
  }

  private log(entry: RouterLogEntry): void {
    this.options.onLog?.(entry)
  }
}

/** What is wrong with a worker, as far as it was asked; null when nothing is. */
function troublesOf({ troubles }: LiveBackend): string | null {
  return [...troubles].map(([path, why]) => `${path}: ${why}`).join('; ') || null
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Reads `local_hashes` and `num_tokens`, or a request as it would be sent. */
function bestWorkerQuestion(text: string, config: RouterConfig, named: RouterCore['named']) {
  let body: Record<string, unknown>
  try {
    body = JSON.parse(text)
  } catch {
    throw new ApiError(400, 'body: expected JSON, got something else')
  }
  const { local_hashes: local, num_tokens: tokens } = body ?? {}
  if (local === undefined) {
    const endpoint = body?.['messages'] === undefined ? 'completions' : 'chat'
    const parsed = parseCompletionRequest(endpoint, text, config.media_tokens)
    const { model, adapter, apart } = named(parsed.model)
    const { tokens, cacheSalt } = parsed
    const hashes = promptHashes(tokens, config.block_tokens, { adapter: apart, cacheSalt })
    return { promptTokens: promptTokensOf(parsed), hashes, model, adapter }
  }
  if (!Number.isInteger(tokens) || (tokens as number) <= 0)
    throw new ApiError(400, 'num_tokens: expected an integer > 0')
  const isList = Array.isArray(local) && local.every((hash) => Number.isSafeInteger(hash))
  if (!isList) throw new ApiError(400, 'local_hashes: expected a list of integers')
  const hashes = toldHashes(local, config.block_tokens)
  return { promptTokens: tokens as number, hashes, model: undefined, adapter: undefined }
}
