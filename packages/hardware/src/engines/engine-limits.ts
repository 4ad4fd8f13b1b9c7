import type { Gpu } from '../gpus/gpu.js'
import type { EnginePlace } from './engine-preset.js'

const GIB = 2 ** 30
const MIB = 2 ** 20

/** vLLM's choice between two defaults: the larger from 70 GiB of memory, except on an A100. */
export function vllmChoice(large: number, small: number): (gpu: Gpu) => number {
  return ({ driverMemoryBytes, name }) =>
    driverMemoryBytes >= 70 * GIB && !name.startsWith('A100') ? large : small
}

/** What SGLang goes by: memory below a limit, tokens of a prompt chunk, largest CUDA graphs to TP 2 and beyond. */
const SGLANG_SIZES = [
  { belowBytes: 20 * GIB, chunkTokens: 2048, graphs: [8, 8] },
  { belowBytes: 35 * GIB, chunkTokens: 2048, graphs: [24, 80] },
  { belowBytes: 60 * GIB, chunkTokens: 4096, graphs: [32, 160] },
  { belowBytes: 160 * GIB, chunkTokens: 8192, graphs: [256, 512] },
  { belowBytes: Number.POSITIVE_INFINITY, chunkTokens: 16_384, graphs: [512, 512] },
] as const

function sglangSize({ driverMemoryBytes }: Gpu): (typeof SGLANG_SIZES)[number] {
  return SGLANG_SIZES.find(({ belowBytes }) => driverMemoryBytes < belowBytes)!
}

/** `chunked_prefill_size` of SGLang. */
export function sglangChunkTokens(gpu: Gpu): number {
  return sglangSize(gpu).chunkTokens
}

/**
 * `mem_fraction_static` of SGLang: all but 512 MB, 1.5 MB per token of a chunk, 2 MB per request of the
 * largest CUDA graph, and 128 MB per GPU of a replica; at least 10 GB are left on GPUs of over 60 GB.
 */
export function sglangMemoryFraction({ gpu, tp, pp, maxBatchTokens }: EnginePlace): number {
  const memoryMib = gpu.driverMemoryBytes / MIB
  const graphs = sglangSize(gpu).graphs[tp < 4 ? 0 : 1]
  const reservedMib = 512 + 1.5 * Math.max(maxBatchTokens, 2048) + 2 * graphs + 128 * tp * pp
  const least = memoryMib > 60 * 1024 ? 10 * 1024 : 0
  return Math.round(1000 * (1 - Math.max(reservedMib, least) / memoryMib)) / 1000
}
