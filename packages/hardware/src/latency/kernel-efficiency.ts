import type { GpuArchitecture } from '../gpus/gpu.js'

/** What part of a GPU's peaks its kernels reach, and what each kernel costs beside. */
export interface KernelEfficiency {
  /** Part of the memory bandwidth at which matrix products read weights. */
  readonly matmulBandwidth: number
  /** Part of the peak FLOPs that large matrix products reach, by the bits they compute in. */
  readonly matmulFlops: PartsOfPeak
  /**
   * How far a product overlaps its reading with its computing: the two times combine as
   * (a^p + b^p)^(1/p), from their sum at 1 to the longer at infinity.
   */
  readonly overlap: number
  /** Part of the bandwidth at which grouped products of a mixture read the experts they touch. */
  readonly expertBandwidth: number
  /**
   * Part of the peak that grouped products reach on the rows they compute: of the 16-bit peak, or of that
   * of the weights where `hasNarrowExperts` says that kernels compute in their precision.
   */
  readonly expertFlops: number
  readonly hasNarrowExperts: boolean
  /** Rows to which the tokens of an expert are padded, in steps with few tokens for each expert, and in others. */
  readonly expertTile: {
    readonly few: number
    readonly many: number
    /** Tokens of a step per expert, up to which they are few. */
    readonly fewUpTo: number
  }
  /** Part of the bandwidth at which decoding attention reads a KV cache of 16 bits, and of 8. */
  readonly kvBandwidth: { readonly wide: number; readonly narrow: number }
  /** Of GPUs whose cache has a published bandwidth. */
  readonly cachedKvRead: CachedKvRead
  /** Part of the 16-bit peak that attention of long prompt chunks reaches. */
  readonly attentionFlops: number
  /** Chunk length at which prompt attention reaches half of that, for too few tiles to fill the GPU. */
  readonly attentionRampTokens: number
  /** Part of the bandwidth at which norms, activations and residual sums stream. */
  readonly elementwiseBandwidth: number
  /**
   * Decodes that share a kernel with prompt chunks are padded to tiles of so many query rows; whether
   * the query heads of one KV head share a tile.
   */
  readonly mixedTile: { readonly rows: number; readonly packsHeads: boolean }
  /** Least duration of a matrix product, an elementwise kernel and an attention kernel, in ms. */
  readonly floorMs: {
    readonly matmul: number
    readonly elementwise: number
    readonly attention: number
  }
  /** Where the figures come from. */
  readonly source: string
}

/** By bits of a number. */
export interface PartsOfPeak {
  readonly bits16: number
  readonly bits8: number
  readonly bits4: number
}

/** Reading context that other decodes of the batch read too: it comes from the second-level cache. */
export interface CachedKvRead {
  /** The least it takes of the time that memory takes for it. */
  readonly leastShare: number
  /** Part of the bandwidth of the cache that kernels reach. */
  readonly bandwidth: number
}

const US = 1e-3

const VIDUR = 'linear operators: profiles of microsoft/vidur, commit 7d47513'
const VLLM_ATTENTION =
  'attention: vLLM kernels measured by ai-dynamo/aiconfigurator, commit 095f58a'
/**
 * 32 decodes of 4096 tokens on an A100 80GB take 1399.51 µs in vLLM's kernel, and 663.84 µs if their page
 * tables name the same memory (ChunkAttention, arXiv 2402.15220, table 3: PagedAttn and PagedAttn*). Nothing
 * else differs. With 32 heads of 128 and 16 bits that is 3.2 TB per second, of 5.4 that the cache gives.
 * What they share, 67 MB, is more than the cache holds: they walk it in step. Of other GPUs no such pair
 * is published, so nothing gains more.
 */
const CACHED_KV_READ: CachedKvRead = {
  leastShare: 663.84 / 1399.51,
  bandwidth: (32 * 4096 * 32 * 128 * 2 * 2) / 663.84e-6 / 5.4e12,
}

const SERVING_SIM = 'operators: vLLM 0.19 profiles of casys-kaist/LLMServingSim, commit 5daddb2'

/** FlashAttention 2 as vLLM calls it: 64 query rows to a tile, and a tile to each query head. */
const FLASH_ATTENTION_2 = { rows: 64, packsHeads: false } as const
/** FlashAttention 3 packs the query heads of a KV head into one tile. */
const FLASH_ATTENTION_3 = { rows: 128, packsHeads: true } as const

/**
 * On Hopper a token of an 8-bit cache takes as long as one of 16 bits: median gaps of Llama-3.1-70B on an
 * H200 with `fp8_e4m3` caches at 0.5, 0.75, 1.5 and 2 requests per second, less those of short prompts,
 * over the bytes of the context in flight, are 0.41, 0.44, 0.38 and 0.48 of the bandwidth
 * (DO-Solutions/gtc-2026-doks, commit c70feba, vLLM 0.14.1).
 */
const FP8_KV_ON_HOPPER = 0.43

/** Default blocks of vLLM's fused_moe: 16 rows up to as many tokens as experts, 64 beyond. */
const FUSED_MOE_TILE = { few: 16, many: 64, fewUpTo: 1 } as const

/**
 * 16,384 rows on a B200 in vLLM's own benchmarks, with the quantisation of what comes in: 1,513 TFLOPS in 16 bits and
 * 2,249 in 8 (bench_fp8_gemm.py, vllm-project/vllm pull request 19566), 1,360 and 3,039 in 16 and 4 (bench_nvfp4_gemm.py,
 * pull request 20646).
 */
const BLACKWELL_MATMULS =
  'matrix products: vLLM on a B200, vllm-project/vllm pull requests 19566 and 20646'
/**
 * 32 experts of DeepSeek-V3 in NVFP4 take 0.294, 0.307, 0.312, 0.386 and 0.623 ms for 1,024, 2,048, 4,096, 8,192 and
 * 16,384 visits on a B300, and 0.166 ms for 512 (TensorRT-LLM's kernels in FlashInfer, flashinfer-ai/flashinfer pull
 * request 5301): tiles of 256 rows from 1,024 on, at 2.8 PFLOPS, 0.31 of twice its 8-bit peak. With it, each of eight
 * GB200 takes 15,500 prompt tokens of DeepSeek-V3 per second in 8 bits, and 21,400 if nothing goes between them; 21,100
 * and 34,200 in 4 bits. SGLang, which hides a part of what goes between them, measured 18,471 and 26,156 (lmsys.org, 25
 * September 2025).
 */
const BLACKWELL_EXPERTS =
  'experts: FlashInfer on a B300, flashinfer-ai/flashinfer pull request 5301'

/**
 * On CDNA 4 (gfx950), of the 2,517, 5,033 and 10,066 TFLOPS of an MI355X: 1,313 in 16 bits (4,096 x 8,448 x 7,168,
 * hipBLASLt, ROCm/aiter pull request 4772), 2,316 in 8 (16,384 x 7,168 x 3,072 with scales of blocks, pull request
 * 5440), 4,042 in 4 (7,905 x 9,216 x 4,096, pull request 4554). Attention of 8,192 tokens, causal, 64 heads on 8:
 * 1,278 in 16 bits (pull request 3390). Sums of long vectors stream 5.8 of 8 TB/s (tile-ai/tilelang pull request
 * 2248).
 */
const CDNA4_KERNELS =
  'matrix products and attention: ROCm/aiter pull requests 4772, 5440, 4554 and 3390; streaming: tile-ai/tilelang pull request 2248'
/**
 * 32 experts of DeepSeek-V3 in MXFP4 take 0.122, 0.129 and 0.129 ms for 16, 32 and 64 tokens of 8 visits, which is
 * 5.8 to 6.1 TB/s, and 3.58 ms for 16,384: 3.2 PFLOPS, 0.32 of the peak in 4 bits. Tiles have 32 rows up to 2 tokens
 * per expert and 128 from 8 on (dsv3_fp4_tuned_fmoe.csv, ROCm/aiter, commit 08eb9dc).
 */
const CDNA4_EXPERTS = 'experts: tuned kernels of ROCm/aiter, commit 08eb9dc'

const HOPPER: KernelEfficiency = {
  matmulBandwidth: 0.92,
  matmulFlops: { bits16: 0.69, bits8: 0.65, bits4: 0.65 },
  overlap: 2.8,
  expertBandwidth: 0.7,
  expertFlops: 0.42,
  hasNarrowExperts: false,
  expertTile: FUSED_MOE_TILE,
  kvBandwidth: { wide: 0.89, narrow: FP8_KV_ON_HOPPER },
  cachedKvRead: CACHED_KV_READ,
  attentionFlops: 0.67,
  attentionRampTokens: 870,
  elementwiseBandwidth: 1,
  mixedTile: FLASH_ATTENTION_3,
  floorMs: { matmul: 4.8 * US, elementwise: 3.7 * US, attention: 12.4 * US },
  source: `${VIDUR}; ${VLLM_ATTENTION} (FlashAttention 3); experts: fused Triton kernels of vLLM`,
}

const AMPERE: KernelEfficiency = {
  matmulBandwidth: 0.76,
  matmulFlops: { bits16: 0.77, bits8: 0.77, bits4: 0.77 },
  overlap: 2,
  expertBandwidth: 0.7,
  expertFlops: 0.5,
  hasNarrowExperts: false,
  expertTile: FUSED_MOE_TILE,
  kvBandwidth: { wide: 0.705, narrow: 0.705 },
  cachedKvRead: CACHED_KV_READ,
  attentionFlops: 0.578,
  attentionRampTokens: 420,
  elementwiseBandwidth: 0.33,
  mixedTile: FLASH_ATTENTION_2,
  floorMs: { matmul: 1.4 * US, elementwise: 2.5 * US, attention: 18.6 * US },
  source: `${VIDUR}; ${VLLM_ATTENTION} (FlashAttention 2)`,
}

const ADA: KernelEfficiency = {
  ...AMPERE,
  matmulBandwidth: 0.92,
  matmulFlops: { bits16: 0.98, bits8: 0.9, bits4: 0.9 },
  overlap: 2.8,
  kvBandwidth: { wide: 0.92, narrow: 0.92 },
  attentionFlops: 0.74,
  elementwiseBandwidth: 1,
  floorMs: { matmul: 2 * US, elementwise: 2.5 * US, attention: 10 * US },
  source: `${SERVING_SIM}, RTX 4090, of its peak with FP32 accumulation`,
}

const CDNA3: KernelEfficiency = {
  ...HOPPER,
  matmulBandwidth: 0.75,
  matmulFlops: { bits16: 0.5, bits8: 0.45, bits4: 0.45 },
  kvBandwidth: { wide: 0.7, narrow: 0.7 },
  attentionFlops: 0.4,
  source: 'as Hopper, with the parts of the peak that AMD publishes for hipBLASLt; not measured',
}

/** What kernels reach on each generation of tensor cores. */
export const KERNEL_EFFICIENCIES: Readonly<Record<GpuArchitecture, KernelEfficiency>> = {
  hopper: HOPPER,
  blackwell: {
    ...HOPPER,
    matmulFlops: { bits16: 0.64, bits8: 0.5, bits4: 0.34 },
    expertBandwidth: 0.9,
    expertFlops: 0.31,
    hasNarrowExperts: true,
    expertTile: { few: 8, many: 256, fewUpTo: 2 },
    kvBandwidth: { wide: 0.89, narrow: 0.89 },
    mixedTile: { rows: 1, packsHeads: true },
    source: `${BLACKWELL_MATMULS}; ${BLACKWELL_EXPERTS}; else as Hopper; FlashInfer runs decodes and prompt chunks in kernels of their own`,
  },
  'blackwell-rtx': {
    ...ADA,
    matmulBandwidth: 0.8,
    matmulFlops: { bits16: 0.8, bits8: 0.7, bits4: 0.7 },
    kvBandwidth: { wide: 0.83, narrow: 0.83 },
    attentionFlops: 0.47,
    source: `${SERVING_SIM}, RTX PRO 6000`,
  },
  ada: ADA,
  ampere: AMPERE,
  turing: { ...AMPERE, source: 'as Ampere; not measured' },
  volta: { ...AMPERE, source: 'as Ampere; not measured' },
  cdna3: CDNA3,
  cdna4: {
    ...CDNA3,
    matmulFlops: { bits16: 0.52, bits8: 0.46, bits4: 0.4 },
    expertBandwidth: 0.75,
    // Of twice the 8-bit peak, which is that in 4 bits.
    expertFlops: 0.32,
    hasNarrowExperts: true,
    expertTile: { few: 32, many: 128, fewUpTo: 2 },
    attentionFlops: 0.5,
    elementwiseBandwidth: 0.72,
    source: `${CDNA4_KERNELS}; ${CDNA4_EXPERTS}; else as CDNA 3`,
  },
}
