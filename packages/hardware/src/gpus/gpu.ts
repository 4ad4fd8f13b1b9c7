/** One kind of GPU, as its data sheet describes it. */
export interface Gpu {
  /** Canonical name. */
  readonly name: string
  /** Other names it goes by; case, spaces, `-` and `_` make no difference. */
  readonly aliases: readonly string[]
  /** Device memory in bytes, in the decimal gigabytes of the data sheet. */
  readonly memoryBytes: number
  /** Peak memory bandwidth. */
  readonly memoryBandwidthBytesPerSec: number
  /** Peak tensor-core operations per second by precision, without sparsity. */
  readonly denseFlops: DenseFlops
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
}

/** Where the figures come from. */
export interface GpuSource {
  /** Document with memory, bandwidth and operations per second. */
  readonly specification: string
  /** Who asked the price, and when. */
  readonly price: string
}
