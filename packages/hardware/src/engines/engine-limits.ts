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

/** `chunked_prefill_size` of SGLang, which ranks with DP attention divide among them. */
export function sglangChunkTokens(gpu: Gpu, ranks = 1): number {
  return Math.max(1, Math.floor(sglangSize(gpu).chunkTokens / ranks))
}

/**
 * `mem_fraction_static` of SGLang: all but 512 MB, 1.5 MB per token of a chunk, 2 MB per request of the
 * largest CUDA graph, and 128 MB per GPU of a replica; at least 10 GB are left on GPUs of over 60 GB. Ranks with DP
 * attention are one replica: the chunk is that of all, and for each rank 3 MB more per request of the graph are left,
 * half as much again of one for over 300 (sgl-project/sglang, pull request 10975).
 */
export function sglangMemoryFraction(place: EnginePlace): number {
  const { gpu, tp, pp, ranks = 1, maxBatchTokens } = place
  const memoryMib = gpu.driverMemoryBytes / MIB
  const degree = tp * ranks
  const graphs = sglangSize(gpu).graphs[degree < 4 ? 0 : 1]
  const padding = ranks === 1 ? 0 : graphs * ranks * (graphs > 300 ? 4.5 : 3)
  const reservedMib =
    512 + 1.5 * Math.max(maxBatchTokens * ranks, 2048) + 2 * graphs + 128 * degree * pp + padding
  const least = memoryMib > 60 * 1024 ? 10 * 1024 : 0
  return Math.round(1000 * (1 - Math.max(reservedMib, least) / memoryMib)) / 1000
}
