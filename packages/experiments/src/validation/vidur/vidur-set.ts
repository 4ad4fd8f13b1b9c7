import {
  allReduceMs,
  findGpu,
  findLink,
  findModel,
  KERNEL_EFFICIENCIES,
  rooflineLatency,
} from '@routesim/hardware'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import type { DataFolder } from '../data/data-folder.js'
import { groupedBy } from '../data/grouped-by.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { rowsOf } from '../report/validation-row.js'
import type { PublishedRow, ValidationSet } from '../validation-set.js'

const NAME = 'vidur_profiling'

/** Operators of one layer that do not depend on the context; engines fuse a sum with each norm. */
const OPERATORS = [
  'input_layernorm',
  'attn_pre_proj',
  'attn_rope',
  'attn_post_proj',
  'post_attention_layernorm',
  'mlp_up_proj',
  'mlp_act',
  'mlp_down_proj',
  'add',
] as const

const GPUS: Readonly<Record<string, { gpu: string; link: string }>> = {
  h100: { gpu: 'H100 SXM', link: 'NVLink 4 NCCL' },
  a100: { gpu: 'A100 80GB', link: 'NVLink 3 NCCL' },
}

/** Linear operators of a layer and all-reduces: what the rooflines of Hopper and Ampere were built from. */
export const vidurSet: ValidationSet = {
  name: NAME,
  description: 'linear operators of a layer and all-reduces, from the roofline per operator',
  predict: (data) =>
    data.filesOf(NAME, '.').flatMap((file) => {
      const table = file.replace(/\.gz$/, '')
      const [system] = table.split('_')
      const parts = GPUS[system ?? '']
      const model = /^[a-z0-9]+_(.*)_mlp\.csv$/.exec(table)?.[1]
      if (parts === undefined) return unknown(table, `no GPU "${system}" in the catalogue`)
      if (model !== undefined) return layers(data, table, parts.gpu, model)
      if (table.endsWith('all_reduce.csv')) return allReduces(data, table, parts.link)
      return unknown(table, 'neither linear operators nor all-reduces')
    }),
}

function unknown(table: string, reason: string): PublishedRow[] {
  return unpredicted({ set: NAME, experiment: table, policy: 'roofline', stage: 'all' }, reason)
}

function layers(data: DataFolder, table: string, gpuName: string, name: string): PublishedRow[] {
  const model = { ...findModel(name.replace(/^Meta-Llama-3-/, 'Llama-3.1-').replace(/-hf$/, '')) }
  const gpu = findGpu(gpuName)
  const { attention } = KERNEL_EFFICIENCIES[gpu.architecture].floorMs
  // Some sizes were measured twice.
  const cases = groupedBy(
    data.rows(NAME, table),
    (row) => `${row['num_tokens']} ${row['num_tensor_parallel_workers']}`,
  )
  return [...cases].flatMap(([key, rows]) => {
    const [tokens, tp] = key.split(' ').map(Number) as [number, number]
    const { matmulMs, elementwiseMs, floorMs } = rooflineLatency({
      // The profiles have no output projection.
      model: { ...model, vocabSize: 1 },
      gpu,
      parallelism: { tp, pp: 1, ep: 1 },
      precision: 'bf16',
      kvPrecision: 'bf16',
      hostMsPerRequest: 0,
      granularity: 'operator',
    }).breakdown({
      prefillTokens: tokens,
      prefillRequests: 1,
      prefillAttentionPairs: 0,
      decodeRequests: 0,
      decodeContextTokens: 0,
    })
    const layerMs = (matmulMs + elementwiseMs + floorMs) / model.layers - attention
    const place = { set: NAME, experiment: table, policy: `tp${tp}`, stage: String(tokens) }
    const measured = rows.reduce((sum, row) => sum + layerOf(row), 0) / rows.length
    return rowsOf(place, { layer_ms: layerMs }, { layer_ms: measured })
  })
}

function layerOf(row: CsvRow): number {
  return OPERATORS.reduce((sum, name) => sum + (numberIn(row, `time_stats.${name}.median`) ?? 0), 0)
}

function allReduces(data: DataFolder, table: string, linkName: string): PublishedRow[] {
  const link = findLink(linkName)
  const cases = groupedBy(
    data.rows(NAME, table).filter((row) => row['collective'] === 'all_reduce'),
    (row) => `${row['num_workers']} ${row['size']} ${row['devices_per_node']}`,
  )
  return [...cases].flatMap(([key, rows]): PublishedRow[] => {
    const [workers, bytes, perServer] = key.split(' ').map(Number) as [number, number, number]
    const values = rows
      .map((row) => numberIn(row, 'time_stats.all_reduce.median')!)
      .sort((a, b) => a - b)
    const place = {
      set: NAME,
      experiment: table,
      policy: `${workers} workers`,
      stage: `${bytes} B`,
    }
    const measured = { all_reduce_ms: values[Math.floor(values.length / 2)]! }
    if (perServer < workers) {
      const reason = 'ranks on several servers: their network is not described'
      return unpredicted(
        { ...place, experiment: `${table} ${perServer} a server` },
        reason,
        measured,
      )
    }
    // Launched one by one, which the profiles leave out and the link has.
    const predicted = allReduceMs(bytes, workers, {
      ...link,
      latencyMs: link.latencyMs - LAUNCH_MS,
    })
    return rowsOf(place, { all_reduce_ms: predicted }, measured)
  })
}

/** Of an all-reduce that the host launches: the profile times the kernel alone. */
const LAUNCH_MS = 0.02
