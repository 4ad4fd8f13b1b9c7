/**
 * Published measurements, frozen here so that they can be checked without the data they come from. Each is
 * quoted from the source named; none was used alone to choose a constant.
 */

/** [tensor parallel degree, prompt tokens, output tokens, requests in flight, ms per output token]. */
export type TpotRow = readonly [number, number, number, number, number]

/**
 * Real engines at fixed concurrency: InferenceMAX and other figures in ai-dynamo/aiconfigurator,
 * commit 095f58a, silicon_sample.csv (Apache-2.0). Llama-3.1-70B in FP8, vLLM of October 2025, H100.
 */
export const LLAMA_70B_FP8_H100: readonly TpotRow[] = [
  [2, 1024, 1024, 4, 17.41],
  [2, 1024, 1024, 16, 19.74],
  [2, 1024, 1024, 64, 28.77],
  [2, 1024, 8192, 8, 19.19],
  [2, 1024, 8192, 32, 27.69],
  [2, 8192, 1024, 8, 25.01],
  [4, 1024, 1024, 4, 11.78],
  [4, 1024, 1024, 16, 13.19],
  [4, 1024, 1024, 64, 19.51],
  [4, 1024, 8192, 8, 12.66],
  [4, 1024, 8192, 32, 18.39],
  [4, 8192, 1024, 4, 13.27],
  [4, 8192, 1024, 16, 21.06],
  [4, 8192, 1024, 64, 53.49],
  [8, 1024, 1024, 8, 9.36],
  [8, 1024, 1024, 32, 12.64],
  [8, 1024, 8192, 4, 9.2],
  [8, 1024, 8192, 16, 11.58],
  [8, 1024, 8192, 64, 16.49],
  [8, 8192, 1024, 8, 11.59],
  [8, 8192, 1024, 32, 21.61],
]

/** The same source: Qwen3-32B in BF16, vLLM 0.12, H100. */
export const QWEN3_32B_BF16_H100: readonly TpotRow[] = [
  [2, 1024, 128, 8, 18.04],
  [2, 1024, 128, 128, 80.26],
  [2, 1024, 512, 128, 42.29],
  [2, 1024, 1024, 128, 37.84],
  [2, 4096, 128, 64, 140.28],
  [2, 4096, 1024, 16, 21.88],
  [4, 1024, 128, 64, 29.23],
  [4, 1024, 512, 64, 18.52],
  [4, 1024, 1024, 32, 13.69],
  [4, 4096, 128, 32, 43.83],
  [4, 4096, 512, 32, 22.03],
  [4, 4096, 1024, 16, 13.97],
  [8, 1024, 128, 16, 10.71],
  [8, 1024, 512, 16, 9.11],
  [8, 1024, 1024, 16, 8.93],
  [8, 4096, 128, 8, 11.17],
  [8, 4096, 512, 8, 8.9],
  [8, 4096, 1024, 8, 8.57],
]

/** The same source: gpt-oss-120b in MXFP4, vLLM 0.18, H200. */
export const GPT_OSS_120B_H200: readonly TpotRow[] = [
  [1, 1024, 1024, 4, 6.33],
  [1, 1024, 1024, 32, 17.64],
  [1, 1024, 8192, 8, 8.67],
  [1, 8192, 1024, 4, 7.08],
  [1, 8192, 1024, 32, 24.8],
  [2, 1024, 1024, 8, 5.95],
  [2, 1024, 8192, 4, 4.66],
  [2, 1024, 8192, 32, 10.0],
  [2, 8192, 1024, 8, 7.05],
  [4, 1024, 1024, 4, 3.93],
  [4, 1024, 1024, 32, 7.16],
  [4, 1024, 8192, 8, 4.41],
  [4, 8192, 1024, 4, 4.29],
  [4, 8192, 1024, 32, 10.2],
  [8, 1024, 1024, 8, 3.97],
  [8, 1024, 8192, 4, 3.58],
  [8, 1024, 8192, 32, 5.27],
  [8, 8192, 1024, 8, 4.39],
]

/**
 * Median decode times in ms of Splitwise, Mutinifni/splitwise-sim, commit 8f99e7d, perf_model.csv (MIT),
 * with the affine profile of each: prompts of 512 and outputs of 128 tokens at batch 1, 8, 32 and 64,
 * and a prompt of 8192 tokens alone. Absent: the batch did not fit.
 */
export const SPLITWISE_DECODE: readonly {
  readonly profile: string
  readonly ms: readonly (number | undefined)[]
}[] = [
  { profile: 'llama-2-70b h100 tp8 vllm-2023', ms: [29.8, 32.5, 38.6, 50.2, 31.4] },
  { profile: 'llama-2-70b h100 tp4 vllm-2023', ms: [29.7, 31.4, 36.9, 52.4, 29.7] },
  { profile: 'llama-2-70b h100 tp2 vllm-2023', ms: [37.0, 40.4, 52.3, undefined, 37.8] },
  { profile: 'llama-2-70b a100 tp8 vllm-2023', ms: [44.9, 46.5, 53.0, 71.6, 46.5] },
  { profile: 'llama-2-70b a100 tp4 vllm-2023', ms: [45.0, 45.8, 52.3, 72.9, 46.1] },
  { profile: 'llama-2-70b a100 tp2 vllm-2023', ms: [54.9, 61.7, 72.2, undefined, 57.3] },
  { profile: 'bloom-176b h100 tp8 vllm-2023', ms: [36.1, 38.1, 45.8, 63.8, 37.4] },
  { profile: 'bloom-176b a100 tp8 vllm-2023', ms: [48.8, 53.0, 65.4, 96.6, 51.3] },
]

/**
 * Steps put together from measured kernels: linear operators and NCCL all-reduces of microsoft/vidur,
 * commit 7d47513 (MIT), vLLM attention of ai-dynamo/aiconfigurator. In ms: decodes with 1024 tokens of
 * context at batch 1, 64 and 256, and one prompt of 512, 2048 and 4096 tokens. Absent: not measured.
 */
export const COMPOSED_STEPS: readonly {
  readonly gpu: 'H100 SXM' | 'A100 80GB'
  readonly model: string
  readonly tp: number
  readonly decodeMs: readonly number[]
  readonly prefillMs: readonly number[]
}[] = [
  {
    gpu: 'H100 SXM',
    model: 'Llama-2-70B',
    tp: 8,
    decodeMs: [17.0, 19.1, 28.0],
    prefillMs: [34, 101, 183],
  },
  {
    gpu: 'H100 SXM',
    model: 'Llama-2-70B',
    tp: 4,
    decodeMs: [24.6, 28.0, 38.6],
    prefillMs: [45, 146, 287],
  },
  {
    gpu: 'H100 SXM',
    model: 'Llama-2-70B',
    tp: 2,
    decodeMs: [31.4, 41.8, 58.4],
    prefillMs: [69, 251, 501],
  },
  {
    gpu: 'A100 80GB',
    model: 'Llama-2-70B',
    tp: 8,
    decodeMs: [23.0, 31.9, 58.8],
    prefillMs: [82, 260, 475],
  },
  {
    gpu: 'A100 80GB',
    model: 'Llama-2-70B',
    tp: 4,
    decodeMs: [32.4, 46.0, 84.4],
    prefillMs: [114, 399, 775],
  },
  {
    gpu: 'A100 80GB',
    model: 'Llama-3.1-8B',
    tp: 1,
    decodeMs: [10.3, 17.4],
    prefillMs: [36, 152, 302],
  },
  { gpu: 'A100 80GB', model: 'Llama-3.1-70B', tp: 4, decodeMs: [], prefillMs: [115, 405, 791] },
  {
    gpu: 'H100 SXM',
    model: 'CodeLlama-34B',
    tp: 2,
    decodeMs: [16.4, 22.8, 33.5],
    prefillMs: [37, 124, 251],
  },
  {
    gpu: 'A100 80GB',
    model: 'CodeLlama-34B',
    tp: 2,
    decodeMs: [29.6, 36.4],
    prefillMs: [97, 350, 704],
  },
]
