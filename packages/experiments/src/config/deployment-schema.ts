import type { PreemptionMode } from '@routesim/core'
import { RouteSimError } from '@routesim/core'
import {
  ENGINES,
  findEngine,
  findGpu,
  KV_PRECISIONS,
  type KvPrecision,
  WEIGHT_PRECISIONS,
  type WeightPrecision,
} from '@routesim/hardware'
import type * as z from 'zod'
import { rooflineOf, stepTogether } from '../cluster/build-latency.js'
import { resolveModel } from '../cluster/resolve-model.js'
import { resolveScheduling } from '../cluster/resolve-scheduling.js'
import { DEFAULT_BALANCE, DEFAULT_ENGINE, DEFAULT_GPU, DEFAULT_KV } from './deployment-defaults.js'
import { expected, flag, integer, notNegative, oneOf, positive, table, text } from './fields.js'
import { computeModel, inCatalogue } from './latency-schema.js'
import { kvOffload, lora } from './memory-schema.js'

const PREEMPTION_MODES = [
  'recompute_newest',
  'retract_shortest',
  'swap',
  'evict_all',
  'reserve_all',
] as const satisfies readonly PreemptionMode[]

/** Says at which line a model is neither in the catalogue nor a file that can be read. */
const model = text().superRefine(inCatalogue(resolveModel))

/** What makes one backend: keys of `[cluster]` that each group of backends may give again. */
export const deploymentShape = {
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
  kv_precision: oneOf(KV_PRECISIONS as readonly [KvPrecision, ...KvPrecision[]])
    .optional()
    .describe('Precision of the KV cache; default as the engine chooses.'),
  tp: integer(1, 1024).default(1).describe('Tensor parallel degree of a backend.'),
  pp: integer(1, 1024).default(1).describe('Pipeline stages of a backend.'),
  ep: integer(1, 1024)
    .default(1)
    .describe(
      'Groups of GPUs among which whole experts are dealt out: divides tp, or is tp x dp, and then data-parallel ranks share the experts and step together; see moe_tp for groups of several GPUs that ranks share.',
    ),
  moe_tp: integer(1, 1024)
    .optional()
    .describe(
      'GPUs of a group, by which each of its experts is sharded: ep x moe_tp is tp, or tp x dp, and then data-parallel ranks share the experts and step together (SGLang with --enable-dp-attention: tp = 1 and moe_tp = dp); default tp / ep, at least 1.',
    ),
  dp: integer(1, 1024)
    .default(1)
    .describe(
      'Data-parallel ranks of a backend: schedulers with tp x pp GPUs, a batch and a KV cache each.',
    ),
  dp_lockstep: flag()
    .optional()
    .describe(
      'Whether ranks step together, as slowly as the slowest; default when ep > 1, or ranks share sharded experts.',
    ),
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
  kv_context_tokens: integer(1)
    .optional()
    .describe(
      'Context that requests of a model with sliding windows reach: by it the KV blocks that fit, and the bytes that are sent, loaded and swapped, are counted, as layers with a window keep no more than the window. Default: as if they kept all.',
    ),
  served_model_name: text()
    .optional()
    .describe(
      'Name under which requests ask for the model; only those that ask for it, or for none, come here. Default any.',
    ),
  price_per_hour: notNegative()
    .optional()
    .describe('Price of one backend in $ per hour, instead of that of its tp x pp x dp GPUs.'),
  max_batch_tokens: integer(1)
    .default(16384)
    .describe('Tokens computed in one engine step at most.'),
  max_num_seqs: integer(1, 65536).default(256).describe('Requests in one batch at most.'),
  max_queue_depth: integer(1).default(256).describe('Requests that wait at one backend at most.'),
  max_model_len: integer(1)
    .optional()
    .describe(
      'Tokens of a prompt and its max_tokens, or its answer where that is longer, at most; longer requests are rejected (--max-model-len of vLLM, --context-length of SGLang, max_seq_len of TensorRT-LLM); default what the KV cache holds.',
    ),
  chunked_prefill: flag()
    .default(true)
    .describe('Whether a prompt may be computed in several steps.'),
  scheduling: text()
    .superRefine(inCatalogue(resolveScheduling))
    .default('fcfs')
    .describe(
      'Order in which waiting requests are admitted: a local policy that list-algorithms prints, perhaps with parameters ("deadline:slo_ms=500"), or a file that exports one, relative to the working directory or to the config file.',
    ),
  batching: oneOf(['mixed', 'prefill_first'])
    .default('mixed')
    .describe('Whether steps hold decodes and prompt chunks together, or prompts first and alone.'),
  preemption: oneOf(PREEMPTION_MODES)
    .default('recompute_newest')
    .describe('What happens when a running request needs a KV block and none is left.'),
  swap_bandwidth_gb_s: positive()
    .default(50)
    .describe(
      'swap: bandwidth of each GPU to host memory, in 10^9 bytes per second; what PCIe 5.0 x16 reaches.',
    ),
  reserved_output_share: notNegative()
    .max(1, expected('a number from 0 to 1'))
    .default(0)
    .describe(
      'Share of the declared output for which KV blocks are set aside at admission; 1 with reserve_all.',
    ),
  scheduler_recv_interval: integer(1, 1000)
    .default(1)
    .describe(
      'Steps of decodes alone after which the scheduler looks for new requests, as in SGLang; it looks after any step with a prompt, and when there is nothing to compute. 1 for ranks that step together.',
    ),
  attention_dp_balance: flag()
    .default(false)
    .describe(
      'Whether prompts of ranks that step together begin together, while all of them decode (attention_dp_config.enable_balance of TensorRT-LLM).',
    ),
  attention_dp_timeout_iters: integer(1, 2 ** 30)
    .optional()
    .describe(
      `attention_dp_balance: steps after which prompts begin although not every rank has one; default ${DEFAULT_BALANCE.timeoutIters}.`,
    ),
  attention_dp_batching_wait_iters: integer(0, 2 ** 30)
    .optional()
    .describe(
      `attention_dp_balance: steps in which more are awaited once every rank has a prompt; default ${DEFAULT_BALANCE.batchingWaitIters}.`,
    ),
  front_end_ms: notNegative()
    .default(0)
    .describe('From arrival at a backend to its queue (HTTP, template, tokenizer), in ms.'),
  kv_cache_blocks: integer(1, 2 ** 30)
    .default(DEFAULT_KV.blocks)
    .describe(
      'KV blocks of one backend, or of each of its ranks; with a model, what fits beside it, with an engine alone as many tokens as without.',
    ),
  kv_block_size: integer(1).default(DEFAULT_KV.blockTokens).describe('Tokens per KV block.'),
  kv_offload: kvOffload.prefault({}).describe('Memory that keeps what the KV cache evicts.'),
  lora: lora.prefault({}).describe('Slots for LoRA adapters.'),
  compute_model: computeModel
    .prefault({ kind: 'piecewise' })
    .describe('How long engine steps take; with a model, the roofline.'),
}

/** A backend's own keys with every default filled in. */
const deployment = table(deploymentShape)

/** What one backend is made of. */
export type DeploymentConfig = z.output<typeof deployment>

/** A group of equal backends in a fleet of different ones. */
export const backendGroup = table({
  count: integer(1, 4096).default(1).describe('Backends of this group.'),
  role: oneOf(['both', 'prefill', 'decode'])
    .default('both')
    .describe('Whether they take whole requests, prompts only, or answers only.'),
  ...deploymentShape,
})

/** Says which key of a backend does not fit to the others. */
export function checkDeployment(values: DeploymentConfig, context: z.RefinementCtx): void {
  const refuse = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message })
  const isTogether = values.dp > 1 && stepTogether(values)
  if (values.attention_dp_balance && !isTogether) {
    const how = 'ep > 1, dp_lockstep, or a moe_tp that they share'
    refuse(
      'attention_dp_balance',
      `expected dp > 1 and ranks that step together (${how}), got none`,
    )
  }
  for (const key of ['attention_dp_timeout_iters', 'attention_dp_batching_wait_iters'] as const) {
    if (!values.attention_dp_balance && values[key] !== undefined)
      refuse(key, `expected nothing without attention_dp_balance, got ${values[key]}`)
  }
  const interval = values.scheduler_recv_interval
  if (interval > 1 && isTogether)
    refuse('scheduler_recv_interval', `expected 1 for ranks that step together, got ${interval}`)
  if (values.moe_tp !== undefined && values.model === undefined)
    refuse('moe_tp', `expected nothing without a model, got ${values.moe_tp}`)
  checkRoofline(values, context)
}

/** Says which key of a backend that is to have a roofline does not fit. */
function checkRoofline(values: DeploymentConfig, context: z.RefinementCtx): void {
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
    // Names that are in no catalogue are told where they stand.
    if (error.code !== 'latency_invalid') return
    refuse(error.path ?? 'model', error.message.replace(/^\w+: /, ''))
  }
}
