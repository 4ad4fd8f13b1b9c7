import type { DeploymentOptions } from './deployment.js'

/**
 * Host work of a step that the GPUs wait for unless the engine schedules the next step ahead, in ms.
 *
 * One H100: ten requests of 128 tokens at once are served at 5.98 per second, and at 6.20 with
 * `--async-scheduling` (vllm-project/vllm, pull request 25444, September 2025). Several GPUs: Qwen3-32B on four
 * takes 44.20 ms per token, and 41.73 if vLLM schedules ahead (vllm-project/vllm-ascend, pull request 2783 on
 * vLLM's 23569 and 24219, September 2025: other accelerators, the same scheduler).
 */
const WAITING_MS = {
  oneGpu: ((10 / 5.98 - 10 / 6.2) * 1000) / 128,
  severalGpus: 44.2 - 41.73,
} as const

/**
 * What a release of vLLM does by default and later ones do not: whole CUDA graphs came with 0.11 of October 2025
 * (pull request 25444), scheduling ahead with 0.14 of January 2026.
 */
export function vllmOf(
  release: '0.10' | '0.11',
  tp: number,
): Required<Pick<DeploymentOptions, 'hostMsPerStep' | 'cudaGraphs'>> {
  return {
    hostMsPerStep: tp === 1 ? WAITING_MS.oneGpu : WAITING_MS.severalGpus,
    cudaGraphs: release === '0.10' ? 'piecewise' : 'full',
  }
}
