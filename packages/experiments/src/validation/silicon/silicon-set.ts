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
import { deployment } from '../deployment.js'
import { closedLoopMedians } from '../load-generator/closed-loop.js'
import { rowsOf, type ValidationRow } from '../report/validation-row.js'
import type { ValidationSet } from '../validation-set.js'

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
  predict: (data) => data.rows(NAME, 'silicon_agg.csv').flatMap(predictRow),
}

function predictRow(row: CsvRow): ValidationRow[] {
  const of = (column: string): number => numberIn(row, column) ?? 0
  const concurrency = of('concurrency')
  const parts = partsOf(row)
  if (parts === undefined || concurrency < 1 || of('isl') < 1 || of('osl') < 1) return []
  const { backend, engine } = deployment(parts)
  const medians = closedLoopMedians(backend, engine.frontEndMs, {
    promptTokens: of('isl'),
    outputTokens: of('osl'),
    concurrency,
    leastShare: isOneBatch(row) ? 1 : LEAST_SHARE,
    rounds: isOneBatch(row) ? 1 : ROUNDS,
  })
  if (medians === undefined) return []
  return rowsOf(
    {
      set: NAME,
      experiment: [parts.model, parts.precision, parts.gpu, parts.engine].join(' '),
      policy: `tp${parts.tp}`,
      stage: row['id'] ?? `${of('isl')}/${of('osl')} x ${concurrency}`,
    },
    { silicon_tpot_ms: medians.tpotMs, silicon_ttft_ms: medians.ttftMs },
    {
      silicon_tpot_ms: numberIn(row, 'silicon_tpot_ms'),
      silicon_ttft_ms: numberIn(row, 'silicon_ttft_ms'),
    },
  )
}

function isOneBatch(row: CsvRow): boolean {
  return row['backend'] === 'sglang' && isOwnBenchmark(row)
}

function isOwnBenchmark(row: CsvRow): boolean {
  return row['silicon_data_source']?.startsWith(OWN_BENCHMARK) === true
}

/** What RouteSim needs to know; undefined for models, GPUs and layouts that it does not. */
function partsOf(row: CsvRow) {
  const tp = numberIn(row, 'tp_size') ?? 0
  const isPlain =
    (numberIn(row, 'attention_dp_size') ?? 1) === 1 && (numberIn(row, 'pp_size') ?? 1) === 1
  const name = (row['model_path'] ?? '').split('/').at(-1)!
  const kvPrecision = 'fp8' as const
  const quantized = PRECISIONS[row['gemm_quant_mode'] ?? '']
  if (!isPlain || quantized === undefined) return undefined
  try {
    const model = findModel(MODELS[name] ?? name)
    const system = row['system'] ?? ''
    const gpu = findGpu(GPUS[system] ?? system.replace('_sxm', ''))
    if (model.attention.heads % tp !== 0) return undefined
    const ranks = numberIn(row, 'moe_ep_size') ?? 1
    const isShared = model.experts !== undefined && tp % ranks === 0
    const precision = model.weights === 'mxfp4' ? ('mxfp4' as const) : quantized
    const ep = isShared && model.experts!.count % ranks === 0 ? ranks : 1
    const engine = findEngine(row['backend'] ?? '').name
    const kv = !isOwnBenchmark(row) && hasNarrowCache(model, gpu) ? { kvPrecision } : {}
    const parts = { model: model.name, gpu: gpu.name, engine, tp, ep, precision, ...kv }
    deployment(parts)
    return parts
  } catch (error) {
    if (error instanceof RouteSimError) return undefined
    throw error
  }
}
