import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BackendRole, KvUsage } from '@routesim/core'
import {
  HTTP_LIMITS,
  type HttpHandler,
  HttpServer,
  readBody,
  sendJson,
} from '../http/http-server.js'
import { PrometheusText } from '../metrics/prometheus-text.js'
import { ApiError } from '../openai/api-error.js'
import { CompletionReply, type FinishReason } from '../openai/completion-reply.js'
import {
  type CompletionRequest,
  type Endpoint,
  parseCompletionRequest,
} from '../openai/completion-request.js'
import { MEDIA_TOKENS } from '../tokens/prompt-tokens.js'
import { type FailureOptions, FailureSwitches, type RequestFate } from './failure-switches.js'
import type { MockEngine, MockJob } from './mock-engine.js'
import { MockMetrics } from './mock-metrics.js'
import { wordsBetween } from './mock-words.js'

/** What a mock worker is. */
export interface MockWorkerOptions {
  readonly id: number
  readonly role: BackendRole
  /** Backends of the engine that are its data-parallel ranks. */
  readonly ranks: readonly number[]
  readonly model: string
  readonly blockTokens: number
  readonly speedup: number
  /** Output tokens of requests that declare no limit; fewer where their prompts leave room for fewer. */
  readonly defaultMaxTokens: number
  /** How long it answers 503 after its start, in ms. */
  readonly startupMs: number
  readonly failures: FailureOptions
  readonly seed: number
}

/** Why answers end: they are as long as they may be. */
const REASON: FinishReason = 'length'

/** An HTTP server that answers as vLLM's does, with words that mean nothing. */
export class MockWorker {
  readonly options: MockWorkerOptions
  readonly metrics: MockMetrics
  private readonly engine: MockEngine
  private readonly server: HttpServer
  private readonly failures: FailureSwitches
  private readonly startMs = performance.now()
  private count = 0

  constructor(engine: MockEngine, options: MockWorkerOptions) {
    this.engine = engine
    this.options = options
    this.metrics = new MockMetrics(options.model, options.blockTokens)
    this.failures = new FailureSwitches(options.failures, options.seed, options.id)
    const routes: Record<string, HttpHandler> = {
      'POST /v1/chat/completions': (request, response) => this.complete('chat', request, response),
      'POST /v1/completions': (request, response) =>
        this.complete('completions', request, response),
      'POST /tokenize': (request, response) => this.tokenize(request, response),
      'POST /reset_prefix_cache': (_, response) => {
        for (const rank of options.ranks) engine.clearCache(rank)
        response.end()
      },
      'GET /v1/models': (_, response) => {
        const model = { id: options.model, object: 'model', created: 0, owned_by: 'routesim' }
        const card = { ...model, max_model_len: this.maxModelLen }
        sendJson(response, JSON.stringify({ object: 'list', data: [card] }))
      },
      'GET /health': (_, response) => {
        this.checkUp()
        response.end()
      },
      'GET /metrics': (_, response) => {
        this.checkUp()
        response.setHeader('content-type', PrometheusText.contentType)
        response.end(this.metrics.text(this.load()))
      },
      'GET /load': (_, response) => {
        const { waiting, running, kv } = this.load()
        const load = {
          num_waiting_reqs: waiting,
          num_running_reqs: running,
          kv_cache_usage: kv.held / kv.total,
        }
        sendJson(response, JSON.stringify(load))
      },
    }
    const hanging: Record<string, HttpHandler> = Object.fromEntries(
      Object.entries(routes).map(([key, handler]) => [
        key,
        (request, response) => (this.isHanging() ? undefined : handler(request, response)),
      ]),
    )
    this.server = new HttpServer(hanging, HTTP_LIMITS, () => {})
  }

  listen(host: string, port: number): Promise<number> {
    return this.server.listen(host, port)
  }

  close(graceMs: number): Promise<void> {
    return this.server.close(graceMs)
  }

  private get maxModelLen(): number {
    return this.engine.maxModelLen(this.options.ranks[0]!)
  }

  private isHanging(): boolean {
    const { hangAfterMs = Number.POSITIVE_INFINITY } = this.options.failures
    return performance.now() - this.startMs >= hangAfterMs
  }

  private checkUp(): void {
    if (performance.now() - this.startMs < this.options.startupMs)
      throw new ApiError(503, 'the worker is starting')
  }

  private load() {
    const sum = { waiting: 0, running: 0, preemptions: 0 }
    const kv: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    const one: KvUsage = { total: 0, held: 0, cached: 0, free: 0 }
    for (const rank of this.options.ranks) {
      const load = this.engine.loadOf(rank)
      for (const key of ['waiting', 'running', 'preemptions'] as const) sum[key] += load[key]
      this.engine.usageOf(rank, one)
      for (const key of ['total', 'held', 'cached', 'free'] as const) kv[key] += one[key]
    }
    return { ...sum, kv }
  }

  private async tokenize(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await readBody(request, HTTP_LIMITS.maxBodyBytes)).toString('utf8')
    const endpoint = text.includes('"messages"') ? 'chat' : 'completions'
    const { tokens } = parseCompletionRequest(endpoint, text, MEDIA_TOKENS)
    sendJson(response, JSON.stringify({ count: tokens.length, tokens: Array.from(tokens) }))
  }

  private async complete(
    endpoint: Endpoint,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    let receivedMs = performance.now()
    const body = await readBody(request, HTTP_LIMITS.maxBodyBytes)
    this.checkUp()
    const parsed = parseCompletionRequest(endpoint, body.toString('utf8'), MEDIA_TOKENS)
    const { model } = this.options
    if (parsed.model !== undefined && parsed.model !== model)
      throw new ApiError(404, `the model does not exist; expected ${model}`)
    for (const name of ['prompts', 'answers'] as const) {
      if (parsed[name] === 1) continue
      const param = name === 'answers' ? 'n' : 'prompt'
      throw new ApiError(400, `${param}: expected 1, got ${parsed[name]}`, undefined, param)
    }
    if (parsed.tokens.length === 0)
      throw new ApiError(
        400,
        'prompt: expected text or tokens, got prompt_embeds',
        undefined,
        'prompt',
      )
    if (parsed.maxTokens === 0)
      throw new ApiError(400, 'max_tokens: expected at least 1, got 0', undefined, 'max_tokens')
    this.checkRole(parsed)
    const fate = this.failures.next()
    if (fate.delayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, fate.delayMs))
      receivedMs = performance.now()
    }
    if (fate.kind === 'error') throw new ApiError(500, 'a failure on purpose')
    if (fate.kind === 'hang' || response.destroyed) return
    this.answer(parsed, response, fate, receivedMs)
  }

  private checkRole({ kvTransfer }: CompletionRequest): void {
    const { role } = this.options
    if (role === 'prefill' && kvTransfer?.['do_remote_decode'] !== true)
      throw new ApiError(400, 'kv_transfer_params: expected do_remote_decode on a prefill worker')
    if (role === 'decode' && kvTransfer?.['do_remote_prefill'] !== true)
      throw new ApiError(400, 'kv_transfer_params: expected do_remote_prefill on a decode worker')
  }

  private answer(
    request: CompletionRequest,
    response: ServerResponse,
    fate: RequestFate,
    receivedMs: number,
  ): void {
    const { model, ranks, defaultMaxTokens } = this.options
    const isPrefill = request.kvTransfer?.['do_remote_decode'] === true
    const room = Math.max(1, this.maxModelLen - request.tokens.length)
    const maxTokens = isPrefill ? 1 : (request.maxTokens ?? Math.min(defaultMaxTokens, room))
    const isHandedOver = request.kvTransfer?.['do_remote_prefill'] === true && maxTokens > 1
    const reply = new CompletionReply(request, model, ++this.count, Math.floor(Date.now() / 1000))
    const breakAt = fate.kind === 'break' ? Math.ceil(maxTokens / 2) : Number.POSITIVE_INFINITY
    let sent = 0
    const produced = (job: MockJob, tokens: number, nowMs: number): void => {
      this.book(job, tokens - sent, nowMs)
      if (request.stream && tokens < breakAt) {
        const text = wordsBetween(job.seed, sent, tokens)
        const chunk = reply.chunk(text, tokens < job.outputTokens ? undefined : REASON)
        if (sent === 0)
          response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
        response.write(sent === 0 ? reply.opening() + chunk : chunk)
      }
      sent = tokens
      if (tokens >= breakAt) response.destroy()
    }
    const finished = (job: MockJob, nowMs: number): void => {
      isOver = true
      this.metrics.finished.length++
      this.metrics.e2e.add(this.seconds(nowMs - job.arrivalMs))
      if (response.destroyed) return
      const { promptTokens, outputTokens, seed } = job
      // Who computed the prompt knows what of it was cached.
      const cachedTokens = Number(request.kvTransfer?.['remote_cached_tokens'] ?? job.cachedTokens)
      const usage = { promptTokens, completionTokens: outputTokens, cachedTokens }
      if (request.stream) response.end(reply.closing(request.includeUsage ? usage : undefined))
      else {
        const text = wordsBetween(seed, 0, outputTokens)
        sendJson(
          response,
          reply.whole(text, REASON, usage, isPrefill ? this.handOver(job) : undefined),
        )
      }
    }
    let isOver = false
    const job = this.engine.submit(
      this.leastBusy(ranks),
      request,
      maxTokens,
      isHandedOver,
      receivedMs,
      { produced, finished },
    )
    response.on('close', () => {
      if (isOver) return
      this.metrics.finished.abort++
      this.engine.cancel(job)
    })
  }

  /** Books the tokens of a step. */
  private book(job: MockJob, tokens: number, nowMs: number): void {
    this.metrics.generatedTokens += tokens
    if (Number.isNaN(job.lastTokenMs)) {
      this.metrics.promptTokens += job.promptTokens
      this.metrics.cachedTokens += job.cachedTokens
      this.metrics.ttft.add(this.seconds(nowMs - job.arrivalMs))
    } else this.metrics.itl.add(this.seconds(nowMs - job.lastTokenMs))
  }

  private leastBusy(ranks: readonly number[]): number {
    if (ranks.length === 1) return ranks[0]!
    const loads = ranks.map((rank) => this.engine.loadOf(rank))
    const busy = loads.map(({ waiting, running }) => waiting + running)
    return ranks[busy.indexOf(Math.min(...busy))]!
  }

  /**
   * What a decode worker needs to know to fetch the KV cache; and what was cached of the prompt, which it tells the client
   * as Dynamo's frontend does (`PrefillResult` of lib/llm/src/protocols/common/preprocessor.rs @000a36a7).
   */
  private handOver({ promptTokens, cachedTokens }: MockJob): Readonly<Record<string, unknown>> {
    const { id, blockTokens } = this.options
    return {
      do_remote_prefill: true,
      do_remote_decode: false,
      remote_engine_id: `mock-${id}`,
      remote_block_ids: Array.from({ length: Math.ceil(promptTokens / blockTokens) }, (_, i) => i),
      remote_host: '127.0.0.1',
      remote_port: 0,
      remote_cached_tokens: cachedTokens,
    }
  }

  /** Real seconds of a time of the fleet. */
  private seconds(fleetMs: number): number {
    return fleetMs / (1000 * this.options.speedup)
  }
}
