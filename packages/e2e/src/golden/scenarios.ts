import { join } from 'node:path'
import { builtinRouters } from '@routesim/algorithms'
import type { GeneratorOptions } from '@routesim/traces'
import { ROOT } from '../testing/command.js'

/** One fleet under one traffic, behind some routers. */
export interface GoldenScenario {
  readonly toml: string
  readonly trace?: string
  readonly algorithms: readonly string[]
}

const everyRouter = builtinRouters.map(({ name }) => name)

/** What is held to committed hashes: every router, every way a request can go, every kind of traffic. */
export const SCENARIOS: Readonly<Record<string, GoldenScenario>> = {
  conversations: {
    toml: `
[simulation]
warmup_requests = 50
[cluster]
num_backends = 4
kv_cache_blocks = 2500
[trace]
rate = 12
duration_sec = 60
turns_mean = 4
think_time_mean_sec = 5
num_prefixes = 6
prefix_popularity = "zipf"
`,
    algorithms: [...everyRouter, 'prefix_aware:cache_weight=0.3'],
  },
  'bursts that preempt and overflow': {
    toml: `
[cluster]
num_backends = 3
kv_cache_blocks = 160
max_queue_depth = 20
max_batch_tokens = 1024
[trace]
generator = "bursty"
base_rate = 4
burst_rate = 40
burst_duration_sec = 5
burst_interval_sec = 20
duration_sec = 60
gen_tokens_mean = 200
`,
    algorithms: ['round_robin', 'least_outstanding', 'least_kv', 'prefix_overlap'],
  },
  'prefill and decode pools': {
    toml: `
[cluster]
num_backends = 5
kv_cache_blocks = 1500
[cluster.disaggregated]
enabled = true
prefill_backends = 2
decode_backends = 3
[trace]
generator = "gamma"
cv = 2.5
rate = 15
duration_sec = 60
prefix_len_mean = 400
prefix_len_std = 100
`,
    algorithms: ['round_robin', 'random', 'prefix_aware', 'session_affinity'],
  },
  'an affine model without chunks or caches': {
    toml: `
[cluster]
num_backends = 2
chunked_prefill = false
prefix_caching = false
kv_block_size = 1
kv_cache_blocks = 20000
max_num_seqs = 24
[cluster.compute_model]
kind = "affine"
base_ms = 6
prefill_ms_per_token = 0.03
decode_ms_per_request = 0.11
decode_ms_per_context_token = 0.0004
[trace]
generator = "diurnal"
peak_rate = 12
trough_rate = 2
duration_sec = 90
length_distribution = "normal"
`,
    algorithms: ['round_robin', 'power_of_two', 'cost_escalation'],
  },
  'backends that fail, slow down, come and go, behind a client that holds back and hangs up': {
    toml: `
[cluster]
num_backends = 4
kv_cache_blocks = 3000
[trace]
rate = 60
duration_sec = 45
[visibility]
health_delay_ms = 1500
[workload]
concurrency = 150
[client]
retries = 2
retry_backoff_ms = 50
timeout_ms = 6000
[[events]]
at_sec = 5
kind = "slow"
backend = 2
factor = 3
[[events]]
at_sec = 10
kind = "fail"
backend = 0
[[events]]
at_sec = 15
kind = "add"
backend = 3
[[events]]
at_sec = 20
kind = "recover"
backend = 0
[[events]]
at_sec = 25
kind = "drain"
backend = 1
[[events]]
at_sec = 30
kind = "recover"
backend = 1
[[events]]
at_sec = 35
kind = "remove"
backend = 2
`,
    algorithms: ['round_robin', 'least_outstanding', 'prefix_aware', 'dynamo_kv'],
  },
  'a trace of conversations': {
    toml: '[cluster]\nnum_backends = 3\nkv_cache_blocks = 6000',
    trace: join(ROOT, 'traces/chat_sessions.jsonl.gz'),
    algorithms: ['prefix_overlap', 'session_affinity'],
  },
}

/** Generators whose tables are held to committed hashes, as few requests. */
export const GENERATORS: Readonly<Record<string, GeneratorOptions>> = {
  poisson: {},
  constant: { kind: 'constant', lengthDistribution: 'fixed' },
  gamma: { kind: 'gamma', cv: 3, lengthDistribution: 'normal' },
  bursty: { kind: 'bursty', burstDurationSec: 2, burstIntervalSec: 6 },
  diurnal: { kind: 'diurnal', troughRateRps: 10 },
  conversations: { turnsMean: 5, thinkTimeMeanSec: 3, maxPromptTokens: 4000 },
  'zipf prefixes': { prefixPopularity: 'zipf', numPrefixes: 100, prefixLenStd: 90, seed: 7 },
}
