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

/** Reads a worker's own figures. @returns undefined when they are not there */
export function readSample(text: string, takenMs: number): MetricsSample | undefined {
  const sums = sumMetrics(text, WANTED)
  const find = (figure: keyof typeof NAMES): number | undefined => {
    const name = NAMES[figure].find((each) => sums.has(each))
    return name === undefined ? undefined : sums.get(name)
  }
  const [waiting, running] = [find('waiting'), find('running')]
  if (waiting === undefined || running === undefined) return undefined
  return {
    takenMs,
    waiting,
    running,
    kvUsage: Math.min(1, find('kvUsage') ?? 0),
  }
}

/** Asks one worker, again and again, whether it is up, what it serves and how busy it is. */
export class BackendMonitor {
  /** Answers that are no metrics. */
  unreadable = 0
  private readonly backend: LiveBackend
  private readonly upstream: Upstream
  private readonly core: RouterCore
  private readonly onChange: (isUp: boolean) => void
  private config: RouterConfig
  private timers: NodeJS.Timeout[] = []
  private failuresInRow = 0
  private isStopped = false

  /** @param onChange - hears when the worker begins or ceases to answer */
  constructor(
    backend: LiveBackend,
    upstream: Upstream,
    core: RouterCore,
    config: RouterConfig,
    onChange: (isUp: boolean) => void,
  ) {
    this.backend = backend
    this.upstream = upstream
    this.core = core
    this.config = config
    this.onChange = onChange
  }

  /** Begins to ask; settles when the first answers are there. */
  async start(): Promise<void> {
    await this.checkHealth()
    if (this.isStopped) return
    await this.readMetrics()
    if (this.isStopped) return
    this.repeat(this.config.health_interval_ms, () => this.checkHealth())
    const { metrics_interval_ms } = this.config
    if (metrics_interval_ms > 0) this.repeat(metrics_interval_ms, () => this.readMetrics())
  }

  stop(): void {
    this.isStopped = true
    for (const timer of this.timers) clearInterval(timer)
  }

  private repeat(intervalMs: number, ask: () => Promise<void>): void {
    let isAsking = false
    const timer = setInterval(async () => {
      if (isAsking) return
      isAsking = true
      await ask()
      isAsking = false
    }, intervalMs)
    this.timers.push(timer)
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
      // A worker that serves several names is taken to serve all.
      const [first, ...others] = data ?? []
      if (typeof first?.id === 'string' && others.length === 0) {
        this.core.setModel(this.backend, first.id)
      }
    } catch {
      // It is taken to serve whatever is asked for, and has the last word.
    }
  }

  private async readMetrics(): Promise<void> {
    if (this.config.metrics_interval_ms === 0 || !this.backend.isUp) return
    try {
      const sample = readSample((await this.ask('/metrics')).text, this.core.now())
      if (sample === undefined) this.unreadable++
      else if (!this.isStopped) this.core.sampled(this.backend, sample)
    } catch {
      this.unreadable++
    }
  }

  private ask(path: string): Promise<{ status: number; text: string }> {
    return this.upstream.ask('GET', path, AbortSignal.timeout(this.config.health_timeout_ms))
  }
}
