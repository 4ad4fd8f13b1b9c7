/** One kind of GPU, as its data sheet describes it. */
export interface Gpu {
  /** Canonical name. */
  readonly name: string
  /** Other names it goes by; case, spaces, `-` and `_` make no difference. */
  readonly aliases: readonly string[]
  readonly architecture: GpuArchitecture
  /** Device memory in bytes, in the decimal gigabytes of the data sheet. */
  readonly memoryBytes: number
  /**
   * What the CUDA driver reports as total, in bytes, as out-of-memory messages of PyTorch print it: less
   * than the data sheet by page tables and ECC. The share that engines take is of this.
   */
  readonly driverMemoryBytes: number
  /** Peak memory bandwidth. */
  readonly memoryBandwidthBytesPerSec: number
  /** Read bandwidth of the second-level cache, as measured; absent where nobody published it. */
  readonly cacheBandwidthBytesPerSec?: number
  /** Peak tensor-core operations per second by precision, without sparsity. */
  readonly denseFlops: DenseFlops
  /** Part of the peak that the power limit leaves under full load; 1 when absent. */
  readonly sustainedClock?: number
  /** Name of the link to the other GPUs of its server, in the catalogue of links. */
  readonly link: string
  /** GPUs that it joins; the 8 of a server when absent. */
  readonly linkedGpus?: number
  /** Indicative on-demand price, rounded: prices of one GPU differ severalfold between clouds. */
  readonly pricePerHourUsd: number
  readonly source: GpuSource
}

/** Peak operations per second by precision; a precision that the tensor cores lack is absent. */
export interface DenseFlops {
  /** FP16 and BF16. */
  readonly fp16: number
  readonly fp8?: number
  readonly int8?: number
  /** FP4 with a scale per 16 or 32 weights: Blackwell, CDNA 4 and later. */
  readonly fp4?: number
}

/** Generation of the tensor cores, which decides what part of the peak the kernels reach. */
export type GpuArchitecture =
  | 'volta'
  | 'turing'
  | 'ampere'
  | 'ada'
  | 'hopper'
  | 'blackwell'
  | 'blackwell-rtx'
  | 'cdna3'
  | 'cdna4'

/** Where the figures come from. */
export interface GpuSource {
  /** Document with memory, bandwidth and operations per second. */
  readonly specification: string
  /** Who asked the price, and when. */
  readonly price: string
}
