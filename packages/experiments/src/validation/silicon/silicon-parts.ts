import { RouteSimError } from '@routesim/core'
import { findEngine, findGpu, findModel, type WeightPrecision } from '@routesim/hardware'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import { type DeploymentOptions, deployment } from '../deployment.js'
import { inferenceMaxRecipe, type Recipe } from './inferencemax-recipes.js'

const PRECISIONS: Readonly<Record<string, WeightPrecision>> = {
  '': 'bf16',
  fp8: 'fp8',
  fp8_block: 'fp8',
  nvfp4: 'fp4',
}
/** What names of checkpoints add to that of the model. */
const QUANTIZED = /-(FP8|NVFP4|FP4|MXFP4|INT4)(-[\w.]+)?$/i
const GPUS: Readonly<Record<string, string>> = { h100_sxm: 'H100 SXM' }

/** Which columns say how workers are spread: all do the same, or those of prompts and of answers apart. */
export type WorkerColumns = '' | 'prefill_' | 'decode_'

/** What is known of the workers of a row, or why RouteSim can not predict it. */
export function partsOf(row: CsvRow, columns: WorkerColumns): DeploymentOptions | string {
  const of = (column: string): number => numberIn(row, column) ?? 0
  if (of('concurrency') < 1 || of('isl') < 1 || of('osl') < 1)
    return 'lengths or concurrency missing'
  if ((numberIn(row, `${columns}pp_size`) ?? 1) !== 1)
    return 'a pipeline whose micro-batches are not published'
  const quantized = PRECISIONS[row['gemm_quant_mode'] ?? '']
  if (quantized === undefined) return `weights in ${row['gemm_quant_mode']}`
  try {
    return supportedParts(row, spreadOf(row, columns), quantized, columns === '')
  } catch (error) {
    if (error instanceof RouteSimError) return error.message
    throw error
  }
}

/** Whether a row is one of the file's own measurements, none of InferenceMAX. */
export function isOwnBenchmark(row: CsvRow): boolean {
  return row['silicon_data_source']?.startsWith('source_file=/') === true
}

/** Degrees of a replica, all of whose GPUs have a part of the experts. */
type Spread = Required<Pick<DeploymentOptions, 'tp' | 'dp' | 'ep'>>

/**
 * Where experts are dealt out the file of replicas that do all multiplies both degrees of InferenceMAX: rows named
 * `tp2_ep2` say 4 GPUs, and those of servers that have 8 say 64. Data-parallel attention is that of all GPUs; its rows
 * of vLLM say their number as `tp_size` again: 4 GPUs with 512 requests in flight have 128 each in `batch_size`.
 */
function spreadOf(row: CsvRow, columns: WorkerColumns): Spread {
  const of = (column: string): number => Math.max(1, numberIn(row, columns + column) ?? 1)
  const ranks = of('moe_ep_size')
  const attending = of('attention_dp_size')
  const all = attending > 1 ? attending : of('tp_size')
  const isMultiplied =
    columns === '' && !isOwnBenchmark(row) && of('moe_tp_size') === ranks && ranks ** 2 === all
  const gpus = isMultiplied ? all / ranks : all
  const groups = Math.min(ranks, gpus)
  const ep = gpus % groups === 0 ? groups : 1
  return attending > 1 ? { tp: 1, dp: gpus, ep } : { tp: gpus, dp: 1, ep }
}

/** @throws RouteSimError when the catalogues lack a part, or it does not fit */
function supportedParts(
  row: CsvRow,
  { tp, dp, ep: ranks }: Spread,
  quantized: WeightPrecision,
  isMeasuredAlone: boolean,
): DeploymentOptions {
  const name = (row['model_path'] ?? '').split('/').at(-1)!
  const model = findModel(name.replace(QUANTIZED, ''))
  const system = row['system'] ?? ''
  const gpu = findGpu(GPUS[system] ?? system.replace('_sxm', ''))
  const engine = findEngine(row['backend'] ?? '').name
  const precision = model.weights === 'mxfp4' ? 'mxfp4' : quantized
  const recipe = inferenceMaxRecipe({
    ...{ model, gpu, engine, precision, tp, dp },
    promptTokens: numberIn(row, 'isl')!,
    concurrency: numberIn(row, 'concurrency')!,
    version: row['backend_version'] ?? '',
  })
  const { experts } = model
  const ep = experts !== undefined && experts.count % ranks === 0 ? ranks : 1
  const parts = {
    model: model.name,
    gpu: gpu.name,
    engine,
    tp,
    dp,
    ...(experts !== undefined && { ep, moeTp: (tp * dp) / ep }),
    // Of random prompts nothing is found again.
    prefixCaching: false,
    precision,
    ...(!isOwnBenchmark(row) && (isMeasuredAlone ? recipe : kvOf(recipe))),
  }
  deployment(parts)
  return parts
}

/** Of workers for prompts or answers alone the scripts are others; the cache is as narrow. */
function kvOf({ kvPrecision }: Recipe): Recipe {
  return kvPrecision === undefined ? {} : { kvPrecision }
}
