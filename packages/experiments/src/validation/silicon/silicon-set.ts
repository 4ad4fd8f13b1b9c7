import { RouteSimError } from '@routesim/core'
import {
  findEngine,
  findGpu,
  findModel,
  type Gpu,
  type Model,
  type WeightPrecision,
} from '@routesim/hardware'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import { type DeploymentOptions, deployment } from '../deployment.js'
import { closedLoopMedians } from '../load-generator/closed-loop.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { type Place, rowsOf } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'

const NAME = 'inferencemax_silicon'

const PRECISIONS: Readonly<Record<string, WeightPrecision>> = {
  '': 'bf16',
  fp8: 'fp8',
  fp8_block: 'fp8',
  nvfp4: 'fp4',
}
/** Names in the file that are no names of a model or GPU in the catalogue. */
const MODELS: Readonly<Record<string, string>> = {
  'MiniMax-M2.5': 'MiniMax-M2',
  'DeepSeek-R1': 'DeepSeek-V3',
  'DeepSeek-R1-0528': 'DeepSeek-V3',
  'Qwen3-235B-A22B-FP8': 'Qwen3-235B-A22B',
  'Llama-3.1-8B-Instruct-FP8': 'Llama-3.1-8B',
  'Qwen3-32B-NVFP4': 'Qwen3-32B',
  'DeepSeek-V3.1-NVFP4': 'DeepSeek-V3',
}
const GPUS: Readonly<Record<string, string>> = { h100_sxm: 'H100 SXM' }

/** InferenceMAX draws lengths from 80 % of the nominal ones on, and sends ten per request in flight. */
const LEAST_SHARE = 0.8
const ROUNDS = 10
/**
 * The file's own measurements of SGLang send all requests at once and no more, as its
 * `bench_one_batch_server` does: first tokens come after half of all prompts, whatever the output.
 */
const OWN_BENCHMARK = 'source_file=/'

/**
 * Recipes of InferenceMAX with `kv-cache-dtype: fp8` (SemiAnalysisAI/InferenceX, benchmarks/). Those of
 * Llama on Hopper have it too, but waits for KV blocks say that what was measured kept 16 bits.
 */
function hasNarrowCache(model: Model, gpu: Gpu): boolean {
  if (model.name === 'DeepSeek-V3') return true
  return /^(Llama-3.1-70B|gpt-oss-120b)$/.test(model.name) && gpu.architecture === 'blackwell'
}

/** Step times of whole engines at fixed concurrency, many models and GPUs. */
export const siliconSet: ValidationSet = {
  name: NAME,
  description: 'engines at fixed concurrency, many models and GPUs, from public figures alone',
  predict: (data) => [
    ...data.rows(NAME, 'silicon_agg.csv').flatMap(predictRow),
    ...data.rows(NAME, 'silicon_disagg.csv').flatMap(disaggregated),
  ],
}

const COLUMNS = ['silicon_tpot_ms', 'silicon_ttft_ms'] as const

function predictRow(row: CsvRow): PublishedRow[] {
  const of = (column: string): number => numberIn(row, column) ?? 0
  const measured = measuredOf(row)
  const parts = partsOf(row)
  if (typeof parts === 'string') return unpredicted(nominalPlace(row), parts, measured)
  const place = {
    set: NAME,
    experiment: [parts.model, parts.precision, parts.gpu, parts.engine].join(' '),
    policy: parts.dp === 1 ? `tp${parts.tp}` : `dp${parts.dp}`,
    stage: stageOf(row),
  }
  const { backend, engine } = deployment(parts)
  const medians = closedLoopMedians(backend, engine.frontEndMs, {
    promptTokens: of('isl'),
    outputTokens: of('osl'),
    concurrency: of('concurrency'),
    leastShare: isOneBatch(row) ? 1 : LEAST_SHARE,
    rounds: isOneBatch(row) ? 1 : ROUNDS,
  })
  if (medians === undefined) {
    return unpredicted(place, 'a request does not fit into the KV cache', measured)
  }
  return rowsOf(
    place,
    { silicon_tpot_ms: medians.tpotMs, silicon_ttft_ms: medians.ttftMs },
    measured,
  )
}

function disaggregated(row: CsvRow): PublishedRow[] {
  const reason = 'workers for prompts and answers apart: what connects them is not published'
  return unpredicted(nominalPlace(row), reason, measuredOf(row))
}

/** Where a row belongs by the names in the file. */
function nominalPlace(row: CsvRow): Place {
  const name = (row['model_path'] ?? '').split('/').at(-1)!
  const parts = [name, row['gemm_quant_mode'], row['system'], row['backend'], row['mode']]
  const tp = row['tp_size'] ?? row['decode_tp_size'] ?? ''
  return {
    set: NAME,
    experiment: parts.filter((part) => part !== '').join(' '),
    policy: `tp${Number(tp)}`,
    stage: stageOf(row),
  }
}

function stageOf(row: CsvRow): string {
  return row['id'] ?? `${row['isl']}/${row['osl']} x ${row['concurrency']}`
}

function measuredOf(row: CsvRow): Record<string, number> {
  return Object.fromEntries(
    COLUMNS.flatMap((name) => {
      const value = numberIn(row, name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

function isOneBatch(row: CsvRow): boolean {
  return row['backend'] === 'sglang' && isOwnBenchmark(row)
}

function isOwnBenchmark(row: CsvRow): boolean {
  return row['silicon_data_source']?.startsWith(OWN_BENCHMARK) === true
}

/** What RouteSim needs to know, or why it can not say. */
function partsOf(row: CsvRow): DeploymentOptions | string {
  const of = (column: string): number => numberIn(row, column) ?? 0
  if (of('concurrency') < 1 || of('isl') < 1 || of('osl') < 1)
    return 'lengths or concurrency missing'
  if ((numberIn(row, 'pp_size') ?? 1) !== 1)
    return 'a pipeline whose micro-batches are not published'
  const quantized = PRECISIONS[row['gemm_quant_mode'] ?? '']
  if (quantized === undefined) return `weights in ${row['gemm_quant_mode']}`
  try {
    return supportedParts(row, spreadOf(row), quantized)
  } catch (error) {
    if (error instanceof RouteSimError) return error.message
    throw error
  }
}

interface Spread {
  readonly tp: number
  readonly dp: number
  readonly ep: number
}

/**
 * Degrees of the replica. Where experts are dealt out the file multiplies both degrees, and says 64 for servers that
 * have 8. Data-parallel attention is that of all GPUs; its rows of vLLM say their number as `tp_size` again: 4 GPUs
 * with 512 requests in flight have 128 each in `batch_size`.
 */
function spreadOf(row: CsvRow): Spread {
  const of = (column: string): number => numberIn(row, column) ?? 1
  const ep = of('moe_ep_size')
  const attending = of('attention_dp_size')
  const all = attending > 1 ? attending : of('tp_size')
  const isMultiplied = all > GPUS_PER_SERVER && ep > 1 && of('moe_tp_size') * ep === all
  const gpus = isMultiplied ? all / ep : all
  return attending > 1 ? { tp: 1, dp: gpus, ep: Math.min(ep, gpus) } : { tp: gpus, dp: 1, ep }
}

const GPUS_PER_SERVER = 8

/** @throws RouteSimError when the catalogues lack a part, or it does not fit */
function supportedParts(
  row: CsvRow,
  { tp, dp, ep: ranks }: Spread,
  quantized: WeightPrecision,
): DeploymentOptions | string {
  if (dp > 1 && ranks !== dp)
    return 'data-parallel attention with experts that are sharded, not dealt out'
  const name = (row['model_path'] ?? '').split('/').at(-1)!
  const model = findModel(MODELS[name] ?? name)
  const system = row['system'] ?? ''
  const gpu = findGpu(GPUS[system] ?? system.replace('_sxm', ''))
  const isShared = model.experts !== undefined && (tp * dp) % ranks === 0
  const kv = !isOwnBenchmark(row) && hasNarrowCache(model, gpu) ? { kvPrecision: NARROW } : {}
  const parts = {
    model: model.name,
    gpu: gpu.name,
    engine: findEngine(row['backend'] ?? '').name,
    tp,
    dp,
    ep: isShared && model.experts!.count % ranks === 0 ? ranks : 1,
    precision: model.weights === 'mxfp4' ? ('mxfp4' as const) : quantized,
    ...kv,
  }
  deployment(parts)
  return parts
}

const NARROW = 'fp8' as const
