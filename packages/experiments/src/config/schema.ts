import { findLink } from '@routesim/hardware'
import {
  GENERATOR_KINDS,
  LENGTH_DISTRIBUTIONS,
  RETIMINGS,
  TRACE_FORMAT_ALIASES,
  TRACE_FORMATS,
} from '@routesim/traces'
import * as z from 'zod'
import { visibilitySchema } from '../visibility/visibility-schema.js'
import { checkedWorkload } from '../workload/workload-schema.js'
import { checkGroups, withFleetDefaults } from './backend-groups.js'
import { clientSection } from './client-schema.js'
import { backendGroup, checkDeployment, deploymentShape } from './deployment-schema.js'
import { checkEvents, eventsSection } from './events-schema.js'
import { expected, flag, integer, notNegative, oneOf, positive, table, text } from './fields.js'
import { inCatalogue } from './latency-schema.js'
import { checkMemory, checkOffload } from './memory-schema.js'
import { sloSection } from './slo-schema.js'
import { sweepSection } from './sweep-schema.js'

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
    .describe(
      'Bandwidth of a KV transfer between two backends, over all their links, in 10^9 bytes per second.',
    ),
  kv_transfer_link: text()
    .superRefine(inCatalogue(findLink))
    .optional()
    .describe(
      'Link of KV transfers by name, instead of latency and bandwidth: one of each GPU, over which it sends or receives its own part.',
    ),
  kv_transfer_contention: oneOf(['none', 'exclusive'])
    .default('none')
    .describe(
      'none: every transfer has the whole bandwidth; exclusive: a backend sends one KV cache at a time and receives one at a time, the others wait for both ends.',
    ),
  kv_transfer_overlap: oneOf(['none', 'layerwise'])
    .default('none')
    .describe(
      'none: a KV cache is sent when its prompt is computed; layerwise: each layer as soon as it is computed, if it is known by then where the request is decoded.',
    ),
  decode_decision: oneOf(['arrival', 'hand_over'])
    .default('arrival')
    .describe(
      'When it is decided where to decode: on arrival, with where to prefill, or when the prompt is computed.',
    ),
  num_layers: integer(1)
    .default(80)
    .describe(
      'Layers, for the size of a KV cache and for layerwise transfers; a model has its own.',
    ),
  head_dim: integer(1).default(128).describe('Dimension of an attention head.'),
  num_kv_heads: integer(1).default(8).describe('KV heads of the model.'),
})

const cluster = table({
  num_backends: integer(1, 4096).describe('Model replicas.'),
  ...deploymentShape,
  prefix_caching: flag().default(true).describe('Whether computed KV blocks are kept for reuse.'),
  disaggregated: disaggregated.prefault({}).describe('Separate prefill and decode backends.'),
  backends: z
    .array(
      backendGroup.superRefine(checkDeployment).superRefine(checkMemory),
      expected('tables [[cluster.backends]]'),
    )
    .optional()
    .describe(
      'Groups of different backends: any key above that belongs to a backend, the others as in [cluster].',
    ),
})

const checkedCluster = cluster.superRefine((values, context) => {
  const { backends, prefix_caching: isCaching } = values
  if (backends === undefined) {
    checkDeployment(values, context)
    checkMemory(values, context)
    checkOffload(isCaching, values.kv_offload, [], context)
    return
  }
  checkGroups(values, backends, context)
  for (const [i, { kv_offload }] of backends.entries())
    checkOffload(isCaching, kv_offload, ['backends', i], context)
})

const ALIASES = Object.keys(TRACE_FORMAT_ALIASES) as (keyof typeof TRACE_FORMAT_ALIASES)[]

const trace = table({
  path: text()
    .optional()
    .describe('Trace file, relative to the working directory or to the config file.'),
  format: oneOf([...TRACE_FORMATS, ...ALIASES, 'synthetic'])
    .optional()
    .describe('Format of the file; detected from its content when absent.'),
  block_size: integer(1)
    .optional()
    .describe(
      'Tokens per hashed block of a trace whose lines do not say it; default 512, Bailian 16.',
    ),
  chars_per_token: positive()
    .optional()
    .describe('Characters per token of a trace of texts without counts; default 4.'),
  session_prompts: oneOf(['extend', 'independent'])
    .default('extend')
    .describe(
      'Whether the turns of a conversation extend one another, as far as their lengths allow.',
    ),
  arrivals: oneOf(RETIMINGS)
    .optional()
    .describe(
      'Other times of arrival for the requests of the file: all times stretched or compressed to rate, a Poisson process of that rate, or all at once; as they are when absent.',
    ),
  generator: oneOf(GENERATOR_KINDS)
    .optional()
    .describe(
      'Arrival process of generated traffic, used when there is no path; default "poisson".',
    ),
  rate: positive()
    .optional()
    .describe('Requests per second, of generated traffic or with arrivals; default 100.'),
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

const compare = table({
  algorithms: z
    .array(text(), expected('a list of algorithms'))
    .min(1, { error: () => 'expected at least one algorithm, got an empty list' })
    .optional()
    .describe('Algorithms that compare takes, as after -A; all built-in ones when absent.'),
})

/** The whole config file. Every default of RouteSim stands here and nowhere else. */
export const configSchema = table({
  simulation: simulation.prefault({}),
  cluster: z.preprocess(withFleetDefaults, checkedCluster),
  trace: trace.prefault({}),
  client: clientSection.prefault({}),
  events: eventsSection.describe('What happens to backends while the run goes on.'),
  workload: checkedWorkload.prefault({}),
  visibility: visibilitySchema.prefault({}),
  slo: sloSection.prefault({}).describe('What requests are promised.'),
  sweep: sweepSection.prefault({}).describe('What routesim sweep goes through.'),
  compare: compare.prefault({}),
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
  const { backends, num_backends, disaggregated: pools } = config.cluster
  checkEvents(config.events, num_backends, context)
  if (pools.kv_transfer_overlap === 'layerwise' && pools.decode_decision === 'hand_over') {
    context.addIssue({
      code: 'custom',
      path: ['cluster', 'disaggregated', 'kv_transfer_overlap'],
      message:
        'expected "none" with decode_decision = "hand_over": nothing can be sent ahead to nobody',
    })
  }
  if (!pools.enabled || backends !== undefined) return
  const { prefill_backends: prefill, decode_backends: decode } = pools
  if (prefill < 1 || decode < 1 || prefill + decode !== num_backends) {
    context.addIssue({
      code: 'custom',
      path: ['cluster', 'disaggregated'],
      message: `expected prefill_backends and decode_backends >= 1 that add up to cluster.num_backends = ${num_backends}, got ${prefill} + ${decode}`,
    })
  }
})

/** The cluster of a checked configuration. */
export type ClusterConfig = z.output<typeof cluster>

/** A checked configuration with every default filled in. */
export type Config = z.output<typeof configSchema>
