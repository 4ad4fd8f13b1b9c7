import { RouteSimError } from '@routesim/core'
import { findGpu, findModel, type Gpu, type Model } from '@routesim/hardware'
import type { ExperimentsErrorCode } from '../../errors.js'
import type { DataFolder } from '../data/data-folder.js'

/** A published run of one engine: what served it and where its kernels were measured. */
export interface ServingSimRun {
  readonly name: string
  readonly model: Model
  readonly gpu: Gpu
  readonly tp: number
  /** Data parallel ranks, each a scheduler of its own. */
  readonly dataParallel: number
  readonly maxNumSeqs: number
  readonly maxBatchTokens: number
  /** Tokens of KV cache of each rank, where the engine printed them. */
  readonly kvTokens: number | undefined
  /** Between the GPUs, as the source describes its machine. */
  readonly link: { readonly bandwidthBytesPerSec: number; readonly latencyMs: number } | undefined
  /** Folder of the kernel profile; undefined when there is none. */
  readonly profile: string | undefined
}

export const SERVING_SIM = 'llmservingsim_vllm'

/** The runs whose inputs the folder has. @throws RouteSimError `data_unreadable` */
export function servingSimRuns(data: DataFolder): ServingSimRun[] {
  return data
    .filesOf(SERVING_SIM, 'inputs')
    .filter((file) => file.endsWith('.config.json'))
    .map((file) => runOf(data, file.replace('.config.json', '')))
}

function runOf(data: DataFolder, name: string): ServingSimRun {
  const config = data.json(SERVING_SIM, `inputs/${name}.config.json`) as Record<string, unknown>
  const number = (key: string): number => {
    const value = config[key]
    if (typeof value === 'number') return value
    throw new RouteSimError<ExperimentsErrorCode>(
      `${name}.config.json: ${key}: expected a number, got ${JSON.stringify(value)}`,
      { code: 'data_unreadable', path: name },
    )
  }
  const repository = String(config['model']).split('/').at(-1)!
  const tp = number('tensor_parallel_size')
  const folder = `${config['gpu']}_${repository}_tp${tp}`
  const blocks = config['num_gpu_blocks']
  return {
    name,
    model: findModel(repository.replace(/-Instruct(-\d+)?$/, '')),
    gpu: findGpu(String(config['gpu'])),
    tp,
    dataParallel: number('data_parallel_size'),
    maxNumSeqs: number('max_num_seqs'),
    maxBatchTokens: number('max_num_batched_tokens'),
    kvTokens: typeof blocks === 'number' ? blocks * number('block_size') : undefined,
    link: linkOf(config['sim_cluster_config_of_source']),
    profile: data.hasFile(SERVING_SIM, `profiles/${folder}/dense.csv`) ? folder : undefined,
  }
}

/** The source gives GB/s and ns. */
function linkOf(machine: unknown): ServingSimRun['link'] {
  if (typeof machine !== 'object' || machine === null) return undefined
  const { link_bw: gigabytes, link_latency: nanoseconds } = machine as Record<string, unknown>
  return typeof gigabytes === 'number' && typeof nanoseconds === 'number'
    ? { bandwidthBytesPerSec: gigabytes * 1e9, latencyMs: nanoseconds / 1e6 }
    : undefined
}
