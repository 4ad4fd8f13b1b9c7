import { RouteSimError } from '@routesim/core'
import {
  ENGINES,
  findEngine,
  findGpu,
  findLink,
  WEIGHT_PRECISIONS,
  type WeightPrecision,
} from '@routesim/hardware'
import { GENERATOR_KINDS, LENGTH_DISTRIBUTIONS } from '@routesim/traces'
import { z } from 'zod'
import { rooflineOf } from '../cluster/build-latency.js'
import { resolveModel } from '../cluster/resolve-model.js'
import { DEFAULT_ENGINE, DEFAULT_GPU, withDeploymentDefaults } from './deployment-defaults.js'
import { expected, flag, integer, notNegative, oneOf, positive, table, text } from './fields.js'
import { computeModel, inCatalogue } from './latency-schema.js'

const simulation = table({
  name: text().default('simulation').describe('Label of the run.'),
  seed: integer(0, Number.MAX_SAFE_INTEGER)
    .default(42)
    .describe('Seed of every random stream: generated traffic and random ties.'),
  warmup_requests: integer(0)
    .default(0)
    .describe('Leading requests, in order of arrival, that are simulated but not measured.'),
})

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
  kv_transfer_link: text()
    .superRefine(inCatalogue(findLink))
    .optional()
    .describe('Link of KV transfers by name, instead of latency and bandwidth.'),
  num_layers: integer(1)
    .default(80)
    .describe('Layers, for the size of a KV cache; a model has its own.'),
  head_dim: integer(1).default(128).describe('Dimension of an attention head.'),
  num_kv_heads: integer(1).default(8).describe('KV heads of the model.'),
})

/** Says at which line a model is neither in the catalogue nor a file that can be read. */
const model = text().superRefine(inCatalogue(resolveModel))

const cluster = table({
  gpu_type: text()
    .superRefine(inCatalogue(findGpu))
    .default(DEFAULT_GPU)
    .describe('GPU of every backend; sets its price.'),
  gpu: text()
    .superRefine(inCatalogue(findGpu))
    .optional()
    .describe('The same as gpu_type, and goes before it.'),
  model: model
    .optional()
    .describe(
      'Model that is served: a name that list-models prints, or the path of a Hugging Face config.json, relative to the working directory or to the config file.',
    ),
  precision: oneOf(WEIGHT_PRECISIONS as readonly [WeightPrecision, ...WeightPrecision[]])
    .optional()
    .describe("Precision of the weights; default the published checkpoint's."),
  kv_precision: oneOf(['bf16', 'fp8'])
    .optional()
    .describe('Precision of the KV cache; default as the engine chooses.'),
  tp: integer(1, 1024).default(1).describe('Tensor parallel degree of a backend.'),
  pp: integer(1, 1024).default(1).describe('Pipeline stages of a backend.'),
  ep: integer(1, 1024)
    .default(1)
    .describe('Ranks of a backend among which whole experts are dealt out; divides tp.'),
  engine: text()
    .superRefine(inCatalogue(findEngine))
    .optional()
    .describe(
      `Serving engine (${ENGINES.map(({ name }) => `"${name}"`).join(', ')}), whose defaults take the place of those below; default "${DEFAULT_ENGINE}" with a model.`,
    ),
  gpu_memory_utilization: positive()
    .max(1, expected('a number > 0 and <= 1'))
    .optional()
    .describe(
      'Part of the memory that weights, activations and KV cache take; default as the engine.',
    ),
  price_per_hour: notNegative()
    .optional()
    .describe('Price of one backend in $ per hour, instead of that of its tp x pp GPUs.'),
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
    .describe(
      'KV blocks of one backend, at most 2^27 in the whole cluster; with a model, what fits beside it.',
    ),
  kv_block_size: integer(1).default(16).describe('Tokens per KV block.'),
  compute_model: computeModel
    .prefault({ kind: 'piecewise' })
    .describe('How long engine steps take; with a model, the roofline.'),
  disaggregated: disaggregated.prefault({}).describe('Separate prefill and decode backends.'),
})

const checkedCluster = cluster.superRefine((values, context) => {
  if (values.compute_model.kind !== 'roofline') return
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message })
  if (values.model === undefined) {
    refuse('model', 'expected the name of a model because compute_model is a roofline, got nothing')
    return
  }
  try {
    rooflineOf(values)
  } catch (error) {
    if (!(error instanceof RouteSimError)) throw error
    refuse(error.path ?? 'model', error.message.replace(/^\w+: /, ''))
  }
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
  cluster: z.preprocess(withDeploymentDefaults, checkedCluster),
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

/** The cluster of a checked configuration. */
export type ClusterConfig = z.output<typeof cluster>

/** A checked configuration with every default filled in. */
export type Config = z.output<typeof configSchema>
