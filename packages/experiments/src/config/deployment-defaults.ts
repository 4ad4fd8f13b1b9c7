import {
  canSpreadExperts,
  type EnginePlace,
  type EnginePreset,
  expectedPrecision,
  findEngine,
  findGpu,
  type Gpu,
  KV_PRECISIONS,
  type KvCapacity,
  type KvPrecision,
  kvCapacity,
  type Model,
  type Parallelism,
  ranksSharingExperts,
  WEIGHT_PRECISIONS,
  type WeightPrecision,
} from '@routesim/hardware'
import type * as z from 'zod'
import { resolveModel } from '../cluster/resolve-model.js'
import type { DeploymentConfig } from './deployment-schema.js'
import { isTable } from './is-table.js'

/** GPU of a cluster that names none. */
export const DEFAULT_GPU = 'H100Sxm'

/** Engine of a cluster that names a model and no engine. */
export const DEFAULT_ENGINE = 'vllm'

/** What neither config nor engine says of the KV cache. */
export const DEFAULT_KV = { blocks: 32_768, blockTokens: 16 } as const

/** How long prompts of ranks that balance them wait for one another, in steps. */
export const DEFAULT_BALANCE = { timeoutIters: 50, batchingWaitIters: 10 } as const

/**
 * Fills in what follows from an engine and a model: limits, block size and features are the engine's
 * defaults, step times a roofline, and the KV cache what the GPUs have room for. What the config says
 * stays; a config that names neither engine nor model is left alone.
 *
 * @param path - where the table stands, for complaints
 * @param caching - `prefix_caching` of the cluster, undefined as the engine has it
 */
export function withDeploymentDefaults(
  value: unknown,
  context: z.RefinementCtx,
  path: readonly (string | number)[],
  caching: unknown,
): unknown {
  if (!isTable(value) || (value['engine'] === undefined && value['model'] === undefined))
    return value
  const parts = partsOf(value)
  // Names that are in no catalogue are told where they stand in the schema.
  if (parts === undefined) return value
  const { engine, gpu, model } = parts
  // Values of the wrong kind are left for the schema to refuse.
  const given = (key: string, absent: number): number => {
    const number = Number(value[key])
    return number > 0 ? number : absent
  }
  const tp = given('tp', 1)
  const moeTp = value['moe_tp'] === undefined ? undefined : given('moe_tp', 1)
  const ranks = ranksSharingExperts({ tp, dp: given('dp', 1), ep: given('ep', 1), moeTp })
  const maxBatchTokens = engine.maxBatchTokens(gpu, ranks)
  const place: EnginePlace = {
    gpu,
    tp,
    pp: given('pp', 1),
    ranks,
    maxBatchTokens: given('max_batch_tokens', maxBatchTokens),
  }
  const share = engine.gpuMemoryUtilization(place)
  if (!(share > 0) && value['gpu_memory_utilization'] === undefined && model !== undefined) {
    const hasTokens = value['max_batch_tokens'] !== undefined
    context.addIssue({
      code: 'custom',
      path: [...path, hasTokens ? 'max_batch_tokens' : 'tp'],
      message: noMemoryLeft(engine, place, hasTokens),
    })
    return value
  }
  const filled: Record<string, unknown> = {
    engine: engine.name,
    max_batch_tokens: maxBatchTokens,
    max_num_seqs: engine.maxNumSeqs(gpu),
    kv_block_size: engine.kvBlockTokens,
    chunked_prefill: engine.chunkedPrefill,
    ...(path.length === 0 ? { prefix_caching: engine.prefixCaching } : {}),
    batching: engine.batching,
    preemption: engine.preemption,
    reserved_output_share: engine.reservedOutputShare,
    front_end_ms: engine.frontEndMs,
    ...(share > 0 ? { gpu_memory_utilization: share } : {}),
    ...(model === undefined ? {} : { compute_model: { kind: 'roofline' } }),
    ...value,
  }
  if (model === undefined) return withBlocksOf(engine, filled, value)
  const wrong = wrongPrecision(filled, model) ?? wrongSpread(filled, model)
  if (wrong !== undefined) {
    context.addIssue({ code: 'custom', path: [...path, wrong.key], message: wrong.message })
    return { ...filled, kv_cache_blocks: filled['kv_cache_blocks'] ?? 1 }
  }
  if (filled['kv_cache_blocks'] !== undefined) return filled
  try {
    const isCaching = caching ?? engine.prefixCaching
    const capacity = capacityOf(filled, engine, gpu, model, isCaching !== false)
    if (capacity === undefined) return filled
    const { blocks, sequences } = capacity
    const most = Number(filled['max_num_seqs'])
    if (sequences < most && value['max_num_seqs'] !== undefined) {
      const message = `expected at most ${sequences}, for whose states in the linear layers of ${model.name} there is memory, got ${most}`
      context.addIssue({ code: 'custom', path: [...path, 'max_num_seqs'], message })
    }
    return { ...filled, max_num_seqs: Math.min(most, sequences), kv_cache_blocks: blocks }
  } catch (error) {
    context.addIssue({
      code: 'custom',
      path: [...path, 'model'],
      message: `${(error as Error).message}${hintOfSharing(filled, model)}`,
    })
    return filled
  }
}

/** Without a model the KV cache has as many tokens as without an engine, whatever the engine's blocks hold. */
function withBlocksOf(
  { kvBlockTokens }: EnginePreset,
  filled: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (given['kv_block_size'] !== undefined) return filled
  const { blocks, blockTokens } = DEFAULT_KV
  return { kv_cache_blocks: (blocks * blockTokens) / kvBlockTokens, ...filled }
}

/**
 * KV blocks that a deployment whose model is named has room for, if its requests reach some context.
 * @returns undefined where its KV cache does not follow from engine, GPU and model
 */
export function blocksThatFit(group: DeploymentConfig, contextTokens: number): number | undefined {
  const parts = partsOf(group)
  if (parts?.model === undefined) return undefined
  const filled = { ...group, kv_context_tokens: contextTokens }
  return capacityOf(filled, parts.engine, parts.gpu, parts.model, true)?.blocks
}

/** A key, and what is wrong with it. */
interface Wrong {
  readonly key: string
  readonly message: string
}

/** That a precision is for experts, and the model has none. */
function wrongPrecision(
  { precision }: Readonly<Record<string, unknown>>,
  model: Model,
): Wrong | undefined {
  const known = WEIGHT_PRECISIONS.find((each) => each === precision)
  const expected = known === undefined ? undefined : expectedPrecision(model, known)
  if (expected === undefined) return undefined
  return { key: 'precision', message: `expected ${expected}, got "${known}"` }
}

/** What of the degrees does not go together, if they are of the right kind. */
function wrongSpread(filled: Readonly<Record<string, unknown>>, model: Model): Wrong | undefined {
  const spread = spreadOf(filled)
  const { tp, ep, dp, moeTp } = spread
  const isWhole = (degree: number): boolean => Number.isInteger(degree) && degree >= 1
  if (![tp, ep, dp, moeTp ?? 1].every(isWhole)) return undefined
  if (ep === 1 && moeTp === undefined) return undefined
  const { experts } = model
  if (experts === undefined) {
    const why = `as ${model.name} has no experts`
    return ep > 1
      ? { key: 'ep', message: `expected 1, ${why}, got ${ep}` }
      : { key: 'moe_tp', message: `expected nothing, ${why}, got ${moeTp}` }
  }
  const gpus = `tp = ${tp}, or tp x dp = ${tp * dp}`
  const fits = canSpreadExperts(spread)
  if (moeTp !== undefined && !fits) {
    return { key: 'moe_tp', message: `expected ep x moe_tp to be ${gpus}, got ${ep} x ${moeTp}` }
  }
  if (!fits || experts.count % ep !== 0) {
    const expected =
      moeTp === undefined
        ? `a divisor of ${gpus}, that divides its ${experts.count} experts`
        : `a divisor of the ${experts.count} experts of ${model.name}`
    return { key: 'ep', message: `expected ${expected}, got ${ep}` }
  }
  if (ranksSharingExperts(spread) === 1 || filled['dp_lockstep'] !== false) return undefined
  return {
    key: 'dp_lockstep',
    message: 'expected ranks that share experts to step together, got false',
  }
}

/** Where the experts of a mixture do not fit on each rank, that ranks can share them. */
function hintOfSharing(filled: Readonly<Record<string, unknown>>, { experts }: Model): string {
  const spread = spreadOf(filled)
  const { tp, dp } = spread
  if (experts === undefined || dp === 1 || ranksSharingExperts(spread) > 1) return ''
  return `; with ep = tp x dp = ${tp * dp} the ranks share the experts`
}

function spreadOf(
  filled: Readonly<Record<string, unknown>>,
): Omit<Parallelism, 'pp'> & { readonly dp: number } {
  const number = (key: string): number => Number(filled[key] ?? 1)
  const moeTp = filled['moe_tp'] === undefined ? undefined : number('moe_tp')
  return { tp: number('tp'), ep: number('ep'), moeTp, dp: number('dp') }
}

/** That buffers for the tokens of a step, or else for the links between GPUs, fill the memory. */
function noMemoryLeft(engine: EnginePreset, place: EnginePlace, ofTokens: boolean): string {
  const { gpu, tp, pp, ranks = 1, maxBatchTokens } = place
  const what = ofTokens ? 'tokens' : 'GPUs'
  const gpus = ranks > 1 ? `tp x dp x pp = ${tp * ranks * pp}` : `tp x pp = ${tp * pp}`
  const got = ofTokens ? maxBatchTokens : gpus
  return `expected fewer ${what}: what ${engine.name} sets aside for them is all the memory of ${gpu.name}, got ${got}`
}

function partsOf(
  value: Readonly<Record<string, unknown>>,
): { engine: EnginePreset; gpu: Gpu; model: Model | undefined } | undefined {
  const name = value['model']
  try {
    return {
      engine: findEngine(String(value['engine'] ?? DEFAULT_ENGINE)),
      gpu: findGpu(String(value['gpu'] ?? value['gpu_type'] ?? DEFAULT_GPU)),
      model: name === undefined ? undefined : resolveModel(String(name)),
    }
  } catch {
    return undefined
  }
}

/** What fits, if all values are of the right kind. */
function capacityOf(
  filled: Readonly<Record<string, unknown>>,
  engine: EnginePreset,
  gpu: Gpu,
  model: Model,
  isCaching: boolean,
): KvCapacity | undefined {
  const number = (key: string, absent: number): number => Number(filled[key] ?? absent)
  const precision = (filled['precision'] ?? model.weights) as WeightPrecision
  const parallelism = spreadOf(filled)
  const options = {
    model,
    gpu,
    tp: parallelism.tp,
    pp: number('pp', 1),
    expertGpus: parallelism.tp * ranksSharingExperts(parallelism),
    precision,
    kvPrecision: (filled['kv_precision'] ?? engine.kvPrecision(model, precision)) as KvPrecision,
    gpuMemoryUtilization: number('gpu_memory_utilization', Number.NaN),
    maxBatchTokens: number('max_batch_tokens', Number.NaN),
    maxNumSeqs: number('max_num_seqs', Number.NaN),
    blockTokens: number('kv_block_size', Number.NaN),
    contextTokens: number('kv_context_tokens', 1),
    budget: engine.kvBudget,
    statesPerRequest: isCaching ? engine.statesPerRequest : 1,
  }
  const numbers = Object.values(options).filter((each) => typeof each === 'number')
  const areKnown =
    WEIGHT_PRECISIONS.includes(options.precision) && KV_PRECISIONS.includes(options.kvPrecision)
  return areKnown && numbers.every((each) => each > 0) ? kvCapacity(options) : undefined
}
