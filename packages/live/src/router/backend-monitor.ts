import { sumMetrics } from '../metrics/parse-prometheus.js'
import type { LiveBackend, MetricsSample } from './live-backend.js'
import type { RouterConfig } from './router-config.js'
import type { RouterCore } from './router-core.js'
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

/** Asks one worker, again and again, whether it is up, what it serves and how busy it is. */
export class BackendMonitor {
  /** Answers that are no metrics. */
  unreadable = 0
  private readonly backend: LiveBackend
  private readonly upstream: Upstream
  private readonly core: RouterCore
  private readonly onChange: (isUp: boolean) => void
  private readonly configNow: () => RouterConfig
  private readonly timers = new Set<NodeJS.Timeout>()
  private failuresInRow = 0
  private isStopped = false

  /**
   * @param configNow - the router's config, which may change
   * @param onChange - hears when the worker begins or ceases to answer
   */
  constructor(
    backend: LiveBackend,
    upstream: Upstream,
    core: RouterCore,
    configNow: () => RouterConfig,
    onChange: (isUp: boolean) => void,
  ) {
    this.backend = backend
    this.upstream = upstream
    this.core = core
    this.configNow = configNow
    this.onChange = onChange
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
    const isUp = await this.isHealthy()
    if (this.isStopped) return
    this.failuresInRow = isUp ? 0 : this.failuresInRow + 1
    // One answer that does not come may be lost; of a worker that never answered nothing is expected.
    if (!isUp && this.backend.isUp && this.failuresInRow < 2) return
    if (isUp === this.backend.isUp) return
    if (isUp) this.backend.breaker.succeeded()
    this.core.setUp(this.backend, isUp)
    this.onChange(isUp)
    if (isUp && this.backend.config.model === undefined) await this.readModel()
  }

  private async isHealthy(): Promise<boolean> {
    try {
      return (await this.ask('/health')).status === 200
    } catch {
      return false
    }
  }

  private async readModel(): Promise<void> {
    try {
      const { data } = JSON.parse((await this.ask('/v1/models')).text) as {
        data?: { id?: unknown }[]
      }
      const names = new Set((data ?? []).flatMap(({ id }) => (typeof id === 'string' ? id : [])))
      if (names.size > 0) this.core.setModels(this.backend, [...names].sort())
    } catch {
      // It is taken to serve whatever is asked for, and has the last word.
    }
  }

  private async readMetrics(): Promise<void> {
    if (this.configNow().metrics_interval_ms === 0 || !this.backend.isUp) return
    try {
      const sample = readSample((await this.ask('/metrics')).text, this.core.now())
      if (sample === undefined) this.unreadable++
      else if (!this.isStopped) this.core.sampled(this.backend, sample)
    } catch {
      this.unreadable++
    }
  }

  private ask(path: string): Promise<{ status: number; text: string }> {
    return this.upstream.ask('GET', path, AbortSignal.timeout(this.configNow().health_timeout_ms))
  }
}
