import type { BackendSpec, KvTransfer } from '@routesim/core'
import {
  findEngine,
  findGpu,
  findLink,
  findModel,
  type Gpu,
  kvBytesOfContext,
  sustainedBytesPerSec,
} from '@routesim/hardware'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import { type DeploymentOptions, deployment } from '../deployment.js'
import { type ClosedLoop, closedLoopMeans } from '../load-generator/closed-loop.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { rowsOf, type ValidationPlace } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'
import { isOwnBenchmark, partsOf } from './silicon-parts.js'

const NAME = 'inferencemax_silicon'

/** InferenceMAX draws lengths from 80 % of the nominal ones on, and sends ten per request in flight. */
const LEAST_SHARE = 0.8
const ROUNDS = 10

/** Step times of whole engines at fixed concurrency, many models and GPUs. */
export const siliconSet: ValidationSet = {
  name: NAME,
  description: 'engines at fixed concurrency, many models and GPUs, from public figures alone',
  predict: (data) => [
    ...data.rows(NAME, 'silicon_agg.csv').flatMap(predictAlike),
    ...data.rows(NAME, 'silicon_disagg.csv').flatMap(predictApart),
  ],
}

const COLUMNS = ['silicon_tpot_ms', 'silicon_ttft_ms'] as const

/** Workers that compute prompts and answers. */
function predictAlike(row: CsvRow): PublishedRow[] {
  const parts = partsOf(row, '')
  if (typeof parts === 'string') return unpredicted(nominalPlace(row), parts, measuredOf(row))
  const { backend, engine } = deployment(parts)
  return predicted(row, parts, labelOf(parts), [backend], engine.frontEndMs)
}

/** Workers for prompts, and others for answers. */
function predictApart(row: CsvRow): PublishedRow[] {
  const refused = (reason: string): PublishedRow[] =>
    unpredicted(nominalPlace(row), reason, measuredOf(row))
  const prefills = numberIn(row, 'prefill_num_workers')
  const decodes = numberIn(row, 'decode_num_workers')
  if (prefills === undefined || decodes === undefined) return refused('number of workers missing')
  const prefill = partsOf(row, 'prefill_')
  if (typeof prefill === 'string') return refused(prefill)
  const decode = partsOf(row, 'decode_')
  if (typeof decode === 'string') return refused(decode)
  const policy = `${prefills} x ${labelOf(prefill)} + ${decodes} x ${labelOf(decode)}`
  const { backend: prompts, engine } = deployment(prefill)
  const { backend: answers } = deployment(decode)
  const backends = [
    ...Array.from({ length: prefills }, (): BackendSpec => ({ ...prompts, role: 'prefill' })),
    ...Array.from({ length: decodes }, (): BackendSpec => ({ ...answers, role: 'decode' })),
  ]
  return predicted(row, decode, policy, backends, engine.frontEndMs, transferOf(decode))
}

function predicted(
  row: CsvRow,
  parts: DeploymentOptions,
  policy: string,
  backends: readonly BackendSpec[],
  frontEndMs: number,
  kvTransfer?: KvTransfer,
): PublishedRow[] {
  const place = {
    set: NAME,
    experiment: [parts.model, parts.precision, parts.gpu, parts.engine].join(' '),
    policy,
    stage: stageOf(row),
  }
  const means = closedLoopMeans(backends, frontEndMs, loopOf(row), kvTransfer)
  if (means === undefined) {
    return unpredicted(place, 'a request does not fit into the KV cache', measuredOf(row))
  }
  return rowsOf(
    place,
    { silicon_tpot_ms: means.tpotMs, silicon_ttft_ms: means.ttftMs },
    measuredOf(row),
  )
}

/**
 * The file's own measurements have lengths as they say. Those of SGLang send all requests at once and no more, as its
 * `bench_one_batch_server` does: first tokens come after half of all prompts, whatever the output.
 */
function loopOf(row: CsvRow): ClosedLoop {
  const isOneBatch = row['backend'] === 'sglang' && isOwnBenchmark(row)
  return {
    promptTokens: numberIn(row, 'isl')!,
    outputTokens: numberIn(row, 'osl')!,
    concurrency: numberIn(row, 'concurrency')!,
    leastShare: isOwnBenchmark(row) ? 1 : LEAST_SHARE,
    rounds: isOneBatch ? 1 : ROUNDS,
  }
}

/** KV caches go over the adapter or link of each GPU that has a part of one. */
function transferOf(decode: DeploymentOptions): KvTransfer {
  const link = findLink(linkBetweenWorkers(findGpu(decode.gpu)))
  const model = findModel(decode.model)
  const precision =
    decode.kvPrecision ??
    findEngine(decode.engine).kvPrecision(model, decode.precision ?? model.weights)
  return {
    latencyMs: link.latencyMs,
    bandwidthBytesPerSec: sustainedBytesPerSec(link),
    bytesPerToken: kvBytesOfContext(model, 1, precision),
  }
}

/**
 * What each GPU has to others of other servers: NVLink within a rack of 72 (NVIDIA GB200 and GB300 NVL72 data
 * sheets), ConnectX-8 of 800 Gb/s in a DGX B300, ConnectX-7 of 400 Gb/s in those of H100, H200 and B200 (data sheets).
 */
function linkBetweenWorkers({ name, link }: Gpu): string {
  if (name.startsWith('GB')) return link
  return name === 'B300' ? 'InfiniBand XDR' : 'InfiniBand NDR'
}

function labelOf({ tp, dp = 1 }: DeploymentOptions): string {
  return dp === 1 ? `tp${tp}` : `dp${dp}`
}

/** Where a row belongs by the names in the file. */
function nominalPlace(row: CsvRow): ValidationPlace {
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
