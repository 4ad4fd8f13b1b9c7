import type { KvUsage } from '@routesim/core'
import { LatencyHistogram, PrometheusText } from '../metrics/prometheus-text.js'

const TTFT_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
]
const ITL_BOUNDS = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5,
]
const E2E_BOUNDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480]

/** What a mock worker shows of its load. */
export interface MockLoad {
  readonly waiting: number
  readonly running: number
  readonly preemptions: number
  readonly kv: Readonly<KvUsage>
}

/** Counters of one mock worker, under the names of vLLM V1. */
export class MockMetrics {
  promptTokens = 0
  cachedTokens = 0
  generatedTokens = 0
  readonly finished = { stop: 0, length: 0, abort: 0 }
  readonly ttft: LatencyHistogram = new LatencyHistogram(TTFT_BOUNDS)
  readonly itl: LatencyHistogram = new LatencyHistogram(ITL_BOUNDS)
  readonly e2e: LatencyHistogram = new LatencyHistogram(E2E_BOUNDS)
  private readonly model: string
  private readonly blockTokens: number

  constructor(model: string, blockTokens: number) {
    this.model = model
    this.blockTokens = blockTokens
  }

  /** All metrics as text. */
  text({ waiting, running, preemptions, kv }: MockLoad): string {
    const labels = { model_name: this.model, engine: 0 }
    const one = (value: number) => [{ labels, value }]
    const text = new PrometheusText()
    text.gauge('vllm:num_requests_running', 'Requests in the batch.', one(running))
    text.gauge('vllm:num_requests_waiting', 'Requests in the queue.', one(waiting))
    text.gauge('vllm:kv_cache_usage_perc', 'Share of KV blocks in use.', one(kv.held / kv.total))
    text.gauge('vllm:gpu_cache_usage_perc', 'The same, as before.', one(kv.held / kv.total))
    text.counter('vllm:num_preemptions_total', 'Preemptions.', one(preemptions))
    text.counter('vllm:prefix_cache_queries_total', 'Prompt tokens.', one(this.promptTokens))
    text.counter('vllm:prefix_cache_hits_total', 'Cached prompt tokens.', one(this.cachedTokens))
    text.counter('vllm:prompt_tokens_total', 'Prompt tokens.', one(this.promptTokens))
    text.counter('vllm:generation_tokens_total', 'Output tokens.', one(this.generatedTokens))
    text.counter(
      'vllm:request_success_total',
      'Requests by how they ended.',
      Object.entries(this.finished).map(([reason, value]) => ({
        labels: { ...labels, finished_reason: reason },
        value,
      })),
    )
    text.histogram('vllm:time_to_first_token_seconds', 'TTFT.', this.ttft, labels)
    text.histogram('vllm:inter_token_latency_seconds', 'ITL.', this.itl, labels)
    text.histogram('vllm:e2e_request_latency_seconds', 'E2E latency.', this.e2e, labels)
    text.gauge('vllm:cache_config_info', 'Sizes of the KV cache.', [
      {
        labels: { ...labels, block_size: this.blockTokens, num_gpu_blocks: kv.total },
        value: 1,
      },
    ])
    return text.toString()
  }
}
