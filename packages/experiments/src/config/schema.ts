import { findGpu } from '@routesim/hardware'
import { GENERATOR_KINDS, LENGTH_DISTRIBUTIONS } from '@routesim/traces'
import { z } from 'zod'
import {
  expected,
  flag,
  integer,
  notNegative,
  oneOf,
  positive,
  show,
  table,
  text,
} from './fields.js'

const simulation = table({
  name: text().default('simulation').describe('Label of the run.'),
  seed: integer(0, Number.MAX_SAFE_INTEGER)
    .default(42)
    .describe('Seed of every random stream: generated traffic and random ties.'),
  warmup_requests: integer(0)
    .default(0)
    .describe('Leading requests, in order of arrival, that are simulated but not measured.'),
})

const piecewise = table({
  kind: z.literal('piecewise').default('piecewise').describe('Step time from throughput figures.'),
  prefill_tokens_per_sec: positive().default(50000).describe('Prompt tokens computed per second.'),
  decode_tokens_per_sec_batch1: positive()
    .default(80)
    .describe('Output tokens per second of a lone request.'),
  decode_throughput_saturation_batch: integer(1)
    .default(64)
    .describe('Batch size from which output throughput grows no further.'),
  decode_tokens_per_sec_saturated: positive()
    .default(3200)
    .describe('Output tokens per second of a saturated batch, all requests together.'),
})

const affine = table({
  kind: z
    .literal('affine')
    .describe('Step time = a + b·prefill tokens + c·decoding requests + d·their context tokens.'),
  base_ms: notNegative().describe('a, in ms per step.'),
  prefill_ms_per_token: notNegative().describe('b, in ms per prompt token computed.'),
  decode_ms_per_request: notNegative().describe('c, in ms per decoding request.'),
  decode_ms_per_context_token: notNegative()
    .default(0)
    .describe('d, in ms per token of context of the decoding requests.'),
})

const computeModel = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('kind' in value)
      ? { kind: 'piecewise', ...value }
      : value,
  z.discriminatedUnion('kind', [piecewise, affine], {
    error: ({ input }) => {
      const found = typeof input === 'object' && input !== null ? Reflect.get(input, 'kind') : input
      return `expected "piecewise" or "affine", got ${show(found)}`
    },
  }),
)

const disaggregated = table({
  enabled: flag().default(false).describe('Prefill on some backends, decode on the others.'),
  prefill_backends: integer(0)
    .default(0)
    .describe('Backends that prefill; they have the lowest ids.'),
  decode_backends: integer(0).default(0).describe('Backends that decode.'),
  kv_transfer_latency_us: notNegative()
    .default(500)
    .describe('Fixed cost of one KV transfer, in µs.'),
  kv_transfer_bandwidth_gb_s: positive()
    .default(50)
    .describe('Bandwidth of a KV transfer, in 10^9 bytes per second.'),
  num_layers: integer(1).default(80).describe('Layers of the model, for the size of its KV cache.'),
  head_dim: integer(1).default(128).describe('Dimension of an attention head.'),
  num_kv_heads: integer(1).default(8).describe('KV heads of the model.'),
})

/** Says at which line a GPU is not in the catalogue. */
function checkGpu(name: string, context: z.RefinementCtx): void {
  try {
    findGpu(name)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
}

const cluster = table({
  gpu_type: text()
    .superRefine(checkGpu)
    .default('H100Sxm')
    .describe('GPU of every backend; sets its price.'),
  price_per_hour: notNegative()
    .optional()
    .describe('Price of one backend in $ per hour, instead of the catalogue.'),
  num_backends: integer(1, 4096).describe('Model replicas.'),
  max_batch_tokens: integer(1)
    .default(16384)
    .describe('Tokens computed in one engine step at most.'),
  max_num_seqs: integer(1, 65536).default(256).describe('Requests in one batch at most.'),
  max_queue_depth: integer(1).default(256).describe('Requests that wait at one backend at most.'),
  chunked_prefill: flag()
    .default(true)
    .describe('Whether a prompt may be computed in several steps.'),
  prefix_caching: flag().default(true).describe('Whether computed KV blocks are kept for reuse.'),
  kv_cache_blocks: integer(1, 2 ** 24)
    .default(32768)
    .describe('KV blocks of one backend; at most 2^27 in the whole cluster.'),
  kv_block_size: integer(1).default(16).describe('Tokens per KV block.'),
  compute_model: computeModel
    .prefault({ kind: 'piecewise' })
    .describe('How long engine steps take.'),
  disaggregated: disaggregated.prefault({}).describe('Separate prefill and decode backends.'),
})

const trace = table({
  path: text()
    .optional()
    .describe('Trace file, relative to the working directory or to the config file.'),
  format: oneOf(['compact_jsonl', 'jsonl', 'mooncake', 'otel', 'opentelemetry', 'synthetic'])
    .optional()
    .describe('Format of the file; detected from its content when absent.'),
  block_size: integer(1).default(512).describe('Tokens per hashed block of a Mooncake trace.'),
  session_prompts: oneOf(['extend', 'independent'])
    .default('extend')
    .describe(
      'Whether the turns of a conversation extend one another, as far as their lengths allow.',
    ),
  generator: oneOf(GENERATOR_KINDS)
    .optional()
    .describe(
      'Arrival process of generated traffic, used when there is no path; default "poisson".',
    ),
  rate: positive().optional().describe('Requests per second; default 100.'),
  duration_sec: positive()
    .optional()
    .describe('Time within which requests or conversations start, in seconds; default 300.'),
  cv: positive()
    .optional()
    .describe('gamma: coefficient of variation of the gaps, 1 is poisson; default 2.'),
  burstiness: positive().optional().describe('gamma: the same as a shape, 1 / cv^2.'),
  base_rate: positive()
    .optional()
    .describe('bursty: requests per second between bursts; default as rate.'),
  burst_rate: positive()
    .optional()
    .describe('bursty: requests per second within bursts; default 3 times rate.'),
  burst_duration_sec: positive()
    .optional()
    .describe('bursty: length of a burst, in seconds; default 10.'),
  burst_interval_sec: positive()
    .optional()
    .describe('bursty: from the start of a burst to the next, in seconds; default 60.'),
  peak_rate: positive()
    .optional()
    .describe('diurnal: highest rate, in requests per second; default as rate.'),
  trough_rate: notNegative()
    .optional()
    .describe('diurnal: lowest rate, in requests per second; default 0.2 times rate.'),
  period_sec: positive()
    .optional()
    .describe(
      'diurnal: period of the rate, in seconds; default a day, or duration_sec if shorter.',
    ),
  prompt_tokens_mean: positive().optional().describe('Mean prompt length, in tokens; default 500.'),
  prompt_tokens_std: notNegative()
    .optional()
    .describe('Standard deviation of the prompt length, in tokens; default 200.'),
  gen_tokens_mean: notNegative()
    .optional()
    .describe('Mean output length, in tokens, 0 for no output; default 150.'),
  gen_tokens_std: notNegative()
    .optional()
    .describe('Standard deviation of the output length, in tokens; default 50.'),
  length_distribution: oneOf(LENGTH_DISTRIBUTIONS)
    .optional()
    .describe('Distribution of both lengths; default "lognormal".'),
  num_prefixes: integer(0)
    .optional()
    .describe('Number of shared prefixes (system prompts), 0 for none; default 10.'),
  prefix_len_mean: positive()
    .optional()
    .describe('Mean length of a shared prefix, in tokens; default 256.'),
  prefix_len_std: notNegative()
    .optional()
    .describe('Standard deviation of that length, in tokens; default 0.'),
  prefix_popularity: oneOf(['uniform', 'zipf'])
    .optional()
    .describe('How often each prefix is used; default "uniform".'),
  zipf_exponent: notNegative()
    .optional()
    .describe('zipf: the k-th prefix is used in proportion to k^-exponent; default 1.'),
  turns_mean: positive()
    .optional()
    .describe('Mean turns of a conversation, 1 for no conversations; default 1.'),
  num_sessions: integer(1)
    .optional()
    .describe('Conversations that start at most; default no limit.'),
  think_time_mean_sec: notNegative()
    .optional()
    .describe(
      'Mean time from the arrival of one turn to that of the next, in seconds; default 10.',
    ),
  new_tokens_mean: positive()
    .optional()
    .describe('Mean new tokens of a later turn; default as prompt_tokens_mean.'),
  new_tokens_std: notNegative()
    .optional()
    .describe('Standard deviation of the new tokens; default as prompt_tokens_std.'),
  max_prompt_tokens: integer(1)
    .optional()
    .describe('A conversation ends before a turn with a longer prompt, in tokens; default 131072.'),
})

/** KV blocks of a cluster: about 2 GB of memory. */
const MOST_BLOCKS = 2 ** 27

/** The whole config file. Every default of RouteSim stands here and nowhere else. */
export const configSchema = table({
  simulation: simulation.prefault({}),
  cluster,
  trace: trace.prefault({}),
  algorithms: z
    .record(
      z.string(),
      z.record(
        z.string(),
        z.union([z.number(), z.string(), z.boolean()]),
        expected('a table of parameters'),
      ),
      expected('tables such as [algorithms.prefix_aware]'),
    )
    .default({})
    .describe('Parameters of routing algorithms, one table each.'),
}).superRefine((config, context) => {
  const { num_backends, kv_cache_blocks } = config.cluster
  if (num_backends * kv_cache_blocks > MOST_BLOCKS) {
    context.addIssue({
      code: 'custom',
      path: ['cluster', 'kv_cache_blocks'],
      message: `expected at most ${MOST_BLOCKS} blocks in the whole cluster, got ${num_backends} x ${kv_cache_blocks}`,
    })
  }
  const { disaggregated: pools, num_backends: backends } = config.cluster
  if (!pools.enabled) return
  const { prefill_backends: prefill, decode_backends: decode } = pools
  if (prefill < 1 || decode < 1 || prefill + decode !== backends) {
    context.addIssue({
      code: 'custom',
      path: ['cluster', 'disaggregated'],
      message: `expected prefill_backends and decode_backends >= 1 that add up to cluster.num_backends = ${backends}, got ${prefill} + ${decode}`,
    })
  }
})

/** A checked configuration with every default filled in. */
export type Config = z.output<typeof configSchema>
