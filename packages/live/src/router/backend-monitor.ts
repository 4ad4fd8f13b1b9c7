import { sumMetrics } from '../metrics/parse-prometheus.js'
import type { LiveBackend, MetricsSample, ProbedPath } from './live-backend.js'
import type { RouterConfig } from './router-config.js'
import type { RouterCore } from './router-core.js'
import { readServedModels } from './served-models.js'
import type { Upstream } from './upstream.js'

/** What each figure is called by vLLM (old and new), SGLang, TensorRT-LLM and RouteSim's mock workers. */
const NAMES = {
  waiting: ['vllm:num_requests_waiting', 'sglang:num_queue_reqs', 'trtllm_num_requests_waiting'],
  running: ['vllm:num_requests_running', 'sglang:num_running_reqs', 'trtllm_num_requests_running'],
  kvUsage: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc', 'sglang:token_usage'],
} as const

const WANTED: ReadonlySet<string> = new Set(Object.values(NAMES).flat())

/** How often it is looked whether metrics are wanted by now. */
const NOT_NOW_MS = 1000

/** Reads a worker's own figures. @returns undefined when they are not there */
export function readSample(text: string, takenMs: number): MetricsSample | undefined {
  const sums = sumMetrics(text, WANTED)
  const find = (figure: keyof typeof NAMES) => {
    const name = NAMES[figure].find((each) => sums.has(each))
    return name === undefined ? undefined : sums.get(name)
  }
  const [waiting, running, usage] = [find('waiting'), find('running'), find('kvUsage')]
  if (waiting === undefined || running === undefined) return undefined
  // Data-parallel ranks tell one by one; their requests add up, and the shares of their caches do not.
  const kvUsage = usage === undefined ? 0 : Math.min(1, usage.sum / usage.count)
  return { takenMs, waiting: waiting.sum, running: running.sum, kvUsage }
}

/** Who hears of a worker. */
export interface MonitorListener {
  /** It begins to answer. */
  up(): void
  /** It ceases to, or does not when it is asked first. */
  down(reason: string): void
  /** It is up, but something that it was asked for can not be had; said once until it can. */
  unreadable(path: ProbedPath, reason: string): void
  /** It serves something else than was known, or known to be unreadable. @param models - names */
  models(models: readonly string[]): void
}

/** Asks one worker, again and again, whether it is up, what it serves and how busy it is. */
export class BackendMonitor {
  private readonly backend: LiveBackend
  private readonly upstream: Upstream
  private readonly core: RouterCore
  private readonly listener: MonitorListener
  private readonly configNow: () => RouterConfig
  private readonly timers = new Set<NodeJS.Timeout>()
  private failuresInRow = 0
  private isSaidDown = false
  private isStopped = false
  private modelsDueMs = 0

  /** @param configNow - the router's config, which may change */
  constructor(
    backend: LiveBackend,
    upstream: Upstream,
    core: RouterCore,
    configNow: () => RouterConfig,
    listener: MonitorListener,
  ) {
    this.backend = backend
    this.upstream = upstream
    this.core = core
    this.configNow = configNow
    this.listener = listener
  }

  /** Begins to ask; settles when the first answers are there. */
  async start(): Promise<void> {
    await this.checkHealth()
    if (this.isStopped) return
    await this.readMetrics()
    if (this.isStopped) return
    const { configNow } = this
    this.repeat(
      () => configNow().health_interval_ms,
      () => this.checkHealth(),
    )
    this.repeat(
      () => configNow().metrics_interval_ms || NOT_NOW_MS,
      () => this.readMetrics(),
    )
  }

  stop(): void {
    this.isStopped = true
    for (const timer of this.timers) clearTimeout(timer)
  }

  /** Has what it serves asked for at the next look at its health. */
  askModels(): void {
    this.modelsDueMs = 0
  }

  /** Asks every so often, and not before the last answer is there. */
  private repeat(intervalMs: () => number, ask: () => Promise<void>, tookMs = 0): void {
    const waitMs = Math.max(0, intervalMs() - tookMs)
    const timer = setTimeout(async () => {
      this.timers.delete(timer)
      const startMs = this.core.now()
      await ask()
      if (!this.isStopped) this.repeat(intervalMs, ask, this.core.now() - startMs)
    }, waitMs)
    this.timers.add(timer)
  }

  private async checkHealth(): Promise<void> {
    const { backend, core, listener } = this
    const trouble = await this.askFor('/health', () => undefined)
    if (this.isStopped) return
    const isUp = trouble === undefined
    this.failuresInRow = isUp ? 0 : this.failuresInRow + 1
    // One answer that does not come may be lost; of a worker that never answered nothing is expected.
    if (!isUp && backend.isUp && this.failuresInRow < 2) return
    const isNews = isUp !== backend.isUp
    if (isNews) {
      if (isUp) backend.breaker.succeeded()
      core.setUp(backend, isUp)
    }
    if (!isUp && !this.isSaidDown) listener.down(trouble)
    this.isSaidDown = !isUp
    if (!isUp) return
    if (isNews) listener.up()
    if (isNews || core.now() >= this.modelsDueMs) await this.readModels()
  }

  /** Until it can be read, the worker is taken to serve whatever is asked for, and has the last word. */
  private async readModels(): Promise<void> {
    const { backend, core, listener, configNow } = this
    const { troubles, config } = backend
    if (config.model !== undefined) return
    const isFirst = backend.served === undefined && !troubles.has('/v1/models')
    let isNews = false
    await this.read('/v1/models', (text) => {
      const served = readServedModels(text)
      if (served.length === 0) return 'it names no model'
      isNews = core.setModels(backend, served)
      return undefined
    })
    const isRead = !troubles.has('/v1/models')
    this.modelsDueMs = isRead ? core.now() + configNow().models_interval_ms : 0
    if (isNews && !isFirst && !this.isStopped) listener.models(backend.models!)
  }

  private async readMetrics(): Promise<void> {
    if (this.configNow().metrics_interval_ms === 0) this.backend.troubles.delete('/metrics')
    if (this.configNow().metrics_interval_ms === 0 || !this.backend.isUp) return
    await this.read('/metrics', (text) => {
      const sample = readSample(text, this.core.now())
      if (sample === undefined) return 'it tells no requests that wait and run, by any known name'
      if (!this.isStopped) this.core.sampled(this.backend, sample)
      return undefined
    })
  }

  private async read(path: ProbedPath, take: (text: string) => string | undefined): Promise<void> {
    const wasInTrouble = this.backend.troubles.has(path)
    const trouble = await this.askFor(path, take)
    if (trouble !== undefined && !wasInTrouble && !this.isStopped)
      this.listener.unreadable(path, trouble)
  }

  /**
   * Asks, and notes what is wrong with the answer.
   * @param take - says what, where the status is right
   */
  private async askFor(
    path: ProbedPath,
    take: (text: string) => string | undefined,
  ): Promise<string | undefined> {
    const timeoutMs = this.configNow().health_timeout_ms
    let trouble: string | undefined
    try {
      const { status, text } = await this.upstream.ask('GET', path, AbortSignal.timeout(timeoutMs))
      trouble = status === 200 ? take(text) : `status ${status}`
    } catch (error) {
      trouble = whyUnanswered(error as NodeJS.ErrnoException, timeoutMs)
    }
    const { troubles } = this.backend
    if (trouble === undefined) troubles.delete(path)
    else troubles.set(path, trouble)
    return trouble
  }
}

/** Errors of TLS that are about who signed a certificate. */
const UNTRUSTED = /SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|CERT_UNTRUSTED/

/** Why there is no answer that can be read; never what one said. */
function whyUnanswered({ name, code }: NodeJS.ErrnoException, timeoutMs: number): string {
  if (name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  if (name === 'SyntaxError') return 'expected JSON, got something else'
  const why = code ?? name
  return UNTRUSTED.test(why) ? `${why}; NODE_EXTRA_CA_CERTS=FILE trusts who signed it` : why
}
