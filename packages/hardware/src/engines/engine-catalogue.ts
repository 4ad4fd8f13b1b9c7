import { findByName } from '../catalogue/find-by-name.js'
import type { Model } from '../models/model.js'
import type { KvPrecision, WeightPrecision } from '../precision/precision.js'
import { sglangChunkTokens, sglangMemoryFraction, vllmChoice } from './engine-limits.js'
import type { EnginePreset } from './engine-preset.js'

/**
 * Work per sequence on the host, from the response of real decode times to the batch: 34.8 µs over 100
 * points of Llama-3.1-70B on vLLM, 38.6, 23 and 38 in TensorRT-LLM sets (InferenceMAX figures in
 * ai-dynamo/aiconfigurator, commit 095f58a). That is all that grows with the batch beside the context and what
 * GPUs exchange. Of it 5.3 µs are norms and matrix products, in the mean of those 100 deployments, which a
 * roofline counts for itself.
 */
const HOST_MS_PER_REQUEST = 0.0295
/**
 * TensorRT-LLM fuses norms and residual sums into all-reduces and routing into one kernel: its fixed
 * cost per layer is 0.05 ms where that of vLLM is 0.07 ms (same source).
 */
const FUSED_FLOOR_SCALE = 0.05 / 0.07
/** First-token times at 4 concurrent requests exceed a lone prefill by about 30 ms, half of it queueing. */
const FRONT_END_MS = 15

/**
 * SGLang begins with 0.7 of the declared output and lowers it to a floor of 0.14 of that within 600 decode
 * steps, unless it has to retract (sglang/srt/environ.py, scheduler.py, 0.5): the share it settles at.
 */
const SETTLED_NEW_TOKEN_RATIO = 0.7 * 0.14

/**
 * Kernels of a layer launched one by one. 129 prompt tokens of Qwen3-4B, with 36 layers, take 16.61 ms, and 5.69 ms
 * from a CUDA graph (wejoncy/sfllm, pull request 46, September 2026); in SGLang 27 layers, some of them mixtures,
 * take 20.9 ms whatever the prompt up to 1024 tokens (sgl-project/sglang, pull request 34299): the least of what is
 * published.
 */
const LAUNCH_MS_PER_LAYER = 16.613 / 36
/**
 * The same where attention is latent and experts are chosen: kernels are more. One new token of DeepSeek-V3, with 61
 * layers, takes 82.65 ms as a prompt, and 23.10 ms from a CUDA graph (sgl-project/sglang, pull request 12160,
 * October 2025).
 */
const LAUNCH_MS_PER_LATENT_MIXTURE = 82.65 / 61

/** What `kv_cache_dtype` auto is: what the checkpoint says, else 16 bits. */
function kvCacheOfCheckpoint(model: Model, weights: WeightPrecision): KvPrecision {
  return model.checkpoints?.[weights]?.kvCache ?? 'bf16'
}

/** The engines RouteSim knows, with the defaults they ship. */
export const ENGINES: readonly EnginePreset[] = [
  {
    name: 'vllm',
    aliases: [],
    version: '0.11 to 0.19 (V1)',
    maxBatchTokens: vllmChoice(8192, 2048),
    maxNumSeqs: vllmChoice(1024, 256),
    kvBlockTokens: 16,
    chunkedPrefill: true,
    prefixCaching: true,
    batching: 'mixed',
    reservedOutputShare: 0,
    preemption: 'recompute_newest',
    gpuMemoryUtilization: () => 0.9,
    kvBudget: 'after_peak',
    statesPerRequest: 1,
    hostMsPerRequest: HOST_MS_PER_REQUEST,
    launchMsPerLayer: () => LAUNCH_MS_PER_LAYER,
    // max_cudagraph_capture_size
    promptGraphTokens: 512,
    kernelFloorScale: 1,
    frontEndMs: FRONT_END_MS,
    kvPrecision: kvCacheOfCheckpoint,
    source:
      'vllm/engine/arg_utils.py, API server context; kv_cache_dtype auto is that of the checkpoint, else of the model',
  },
  {
    name: 'sglang',
    aliases: [],
    version: '0.5',
    maxBatchTokens: sglangChunkTokens,
    maxNumSeqs: () => 2048,
    kvBlockTokens: 1,
    chunkedPrefill: true,
    prefixCaching: true,
    batching: 'prefill_first',
    reservedOutputShare: SETTLED_NEW_TOKEN_RATIO,
    preemption: 'retract_shortest',
    gpuMemoryUtilization: sglangMemoryFraction,
    kvBudget: 'after_weights',
    // MAMBA_CACHE_SIZE_MAX_RUNNING_REQUESTS_RATIO, with the radix cache
    statesPerRequest: 3,
    hostMsPerRequest: HOST_MS_PER_REQUEST,
    // Of mixtures on SGLang only those were measured.
    launchMsPerLayer: ({ experts }) =>
      experts === undefined ? LAUNCH_MS_PER_LAYER : LAUNCH_MS_PER_LATENT_MIXTURE,
    promptGraphTokens: 0,
    kernelFloorScale: 1,
    frontEndMs: FRONT_END_MS,
    kvPrecision: kvCacheOfCheckpoint,
    source:
      'sglang/srt/server_args.py: chunked_prefill_size, page_size, mem_fraction_static; model_runner.py: 2048 to 4096 requests; host work as vLLM',
  },
  {
    name: 'trtllm',
    aliases: ['tensorrt-llm', 'trt-llm'],
    version: '1.0',
    maxBatchTokens: () => 8192,
    maxNumSeqs: () => 2048,
    kvBlockTokens: 32,
    chunkedPrefill: false,
    prefixCaching: true,
    batching: 'mixed',
    reservedOutputShare: 1,
    preemption: 'reserve_all',
    // free_gpu_memory_fraction
    gpuMemoryUtilization: () => 0.9,
    kvBudget: 'share_of_free',
    statesPerRequest: 1,
    hostMsPerRequest: HOST_MS_PER_REQUEST,
    launchMsPerLayer: ({ experts, attention }) =>
      experts !== undefined && attention.kind === 'mla'
        ? LAUNCH_MS_PER_LATENT_MIXTURE
        : LAUNCH_MS_PER_LAYER,
    promptGraphTokens: 0,
    kernelFloorScale: FUSED_FLOOR_SCALE,
    frontEndMs: FRONT_END_MS,
    kvPrecision: (model, weights) =>
      weights === 'fp8' || weights === 'fp4' ? 'fp8' : kvCacheOfCheckpoint(model, weights),
    source:
      'tensorrt_llm/llmapi/llm_args.py: GUARANTEED_NO_EVICT, tokens_per_block 32; ModelOpt checkpoints quantise the KV cache',
  },
]

/**
 * The engine of a name.
 * @throws RouteSimError `engine_unknown`, with the nearest known name
 *
 * @example
 * findEngine('vllm').kvBlockTokens // => 16
 */
export function findEngine(name: string): EnginePreset {
  return findByName(ENGINES, name, 'engine', 'engine_unknown')
}
