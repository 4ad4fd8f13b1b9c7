import type { Gpu, Model, WeightPrecision } from '@routesim/hardware'
import type { DeploymentOptions } from '../deployment.js'

/** What a recipe of InferenceMAX goes by. */
export interface RecipePlace {
  readonly model: Model
  readonly gpu: Gpu
  readonly engine: string
  readonly precision: WeightPrecision
  readonly tp: number
  readonly dp: number
  readonly promptTokens: number
  readonly concurrency: number
  /** Release of the engine, empty where the file does not say. */
  readonly version: string
}

/** What a recipe sets where it is not the engine's default. */
export type Recipe = Partial<
  Pick<
    DeploymentOptions,
    | 'kvPrecision'
    | 'maxBatchTokens'
    | 'maxNumSeqs'
    | 'gpuMemoryUtilization'
    | 'pollSteps'
    | 'promptsTogether'
  >
>

/**
 * Flags of the servers that InferenceMAX measures, by its scripts (SemiAnalysisAI/InferenceX, benchmarks/, those of
 * the months of the rows): chunks, shares of memory, KV precision, how often SGLang looks for requests, and how
 * TensorRT-LLM balances prompts among ranks. Only what bears on steps and queues.
 */
export function inferenceMaxRecipe(place: RecipePlace): Recipe {
  const { model, engine } = place
  if (model.name === 'DeepSeek-V3') return { ...NARROW_CACHE, ...deepSeek(place) }
  if (model.name.startsWith('Qwen3.5')) return qwen(place)
  if (model.name === 'GLM-5')
    return { ...NARROW_CACHE, maxBatchTokens: 32_768, gpuMemoryUtilization: 0.85 }
  if (model.name === 'MiniMax-M2') return miniMax(place)
  if (model.name === 'gpt-oss-120b') return gptOss(place)
  if (model.name !== 'Llama-3.1-70B') return {}
  return {
    ...(isBlackwell(place) && NARROW_CACHE),
    ...(engine === 'trtllm' && { maxBatchTokens: 16_384 }),
  }
}

const NARROW_CACHE: Recipe = { kvPrecision: 'fp8' }

function isBlackwell({ gpu }: RecipePlace): boolean {
  return gpu.architecture === 'blackwell'
}

/** The scripts of SGLang poll less often where more than a few are in flight. */
function pollSteps({ concurrency }: RecipePlace): number {
  return concurrency >= 16 ? 30 : 10
}

function deepSeek(place: RecipePlace): Recipe {
  const { engine, precision, tp, dp, promptTokens, concurrency } = place
  if (engine === 'trtllm') {
    return {
      maxBatchTokens: 64 * Math.ceil((concurrency + promptTokens + 64) / 64),
      gpuMemoryUtilization: precision === 'fp4' ? 0.8 : 0.75,
      ...(dp > 1 && { promptsTogether: { timeoutSteps: 60, batchingSteps: 0 } }),
    }
  }
  if (engine !== 'sglang' || !isBlackwell(place)) return {}
  if (precision === 'fp4')
    return { maxBatchTokens: 16_384, gpuMemoryUtilization: 0.85, pollSteps: pollSteps(place) }
  return tp === 4
    ? { maxBatchTokens: 8192, gpuMemoryUtilization: 0.95, pollSteps: 10 }
    : { maxBatchTokens: 32_768, gpuMemoryUtilization: 0.82, pollSteps: pollSteps(place) }
}

function qwen(place: RecipePlace): Recipe {
  const { gpu, precision } = place
  const cache = precision === 'bf16' ? {} : NARROW_CACHE
  if (gpu.name !== 'B200') {
    const polls = isBlackwell(place) ? { pollSteps: 10 } : {}
    return { ...cache, ...polls, maxBatchTokens: 16_384, gpuMemoryUtilization: 0.8 }
  }
  return {
    ...cache,
    maxBatchTokens: 32_768,
    gpuMemoryUtilization: precision === 'fp4' ? 0.85 : 0.82,
    pollSteps: precision === 'fp4' ? 30 : pollSteps(place),
  }
}

function miniMax(place: RecipePlace): Recipe {
  const { gpu, promptTokens, version } = place
  if (isBlackwell(place) && version !== '0.17.0')
    return { ...NARROW_CACHE, maxBatchTokens: 2 * promptTokens }
  return gpu.name === 'H100 SXM' ? {} : { gpuMemoryUtilization: 0.95 }
}

function gptOss(place: RecipePlace): Recipe {
  const cache = isBlackwell(place) ? NARROW_CACHE : {}
  if (place.engine !== 'trtllm') return cache
  const together = { timeoutSteps: 50, batchingSteps: 10 }
  return {
    ...cache,
    maxBatchTokens: 20_000,
    gpuMemoryUtilization: 0.85,
    ...(place.dp > 1 && isBlackwell(place) && { promptsTogether: together }),
  }
}
