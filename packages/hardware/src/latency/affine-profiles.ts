import { findByName } from '../catalogue/find-by-name.js'
import type { AffineLatencyOptions } from './affine-latency.js'

/** The parameters of an affine model that were fitted to measurements of one deployment. */
export interface AffineProfile extends AffineLatencyOptions {
  /** Model, precision, GPU, tensor parallel degree and engine. */
  readonly name: string
  readonly aliases: readonly string[]
  /** What was measured, and how well the fit holds. */
  readonly source: string
}

const SPLITWISE =
  'Mutinifni/splitwise-sim 8f99e7d, perf_model.csv: vLLM of 2023 in FP16, prompts to 2048 tokens; decode leave-one-out error'
const INFERENCE_MAX =
  'InferenceMAX figures in ai-dynamo/aiconfigurator 095f58a: TPOT at fixed concurrency; leave-one-out error'

/** Fits of [a in ms, b in µs per prompt token, c in µs per request, d in µs per 1000 tokens of context]. */
type Fit = readonly [number, number, number, number]

function fits(
  prefix: string,
  source: string,
  rows: readonly (readonly [string, Fit, string])[],
): AffineProfile[] {
  return rows.map(([name, [baseMs, prefill, request, context], errorPercent]) => ({
    name: `${prefix} ${name}`,
    aliases: [],
    baseMs,
    prefillMsPerToken: prefill / 1e3,
    decodeMsPerRequest: request / 1e3,
    decodeMsPerContextToken: context / 1e6,
    source: `${source} ${errorPercent} %`,
  }))
}

/** Affine fits of published measurements, ready to use. */
export const AFFINE_PROFILES: readonly AffineProfile[] = [
  ...fits('llama-2-70b', SPLITWISE, [
    ['h100 tp8 vllm-2023', [29.62, 54.2, 211, 192], '2.1'],
    ['h100 tp4 vllm-2023', [29.13, 88.4, 266, 39], '3.2'],
    ['h100 tp2 vllm-2023', [36.78, 144.2, 445, 70], '1.7'],
    ['a100 tp8 vllm-2023', [44.24, 120.0, 246, 245], '3.7'],
    ['a100 tp4 vllm-2023', [44.17, 198.9, 150, 211], '3.8'],
    ['a100 tp2 vllm-2023', [54.15, 343.9, 522, 321], '3.6'],
  ]),
  ...fits('bloom-176b', SPLITWISE, [
    ['h100 tp8 vllm-2023', [35.88, 104.7, 218, 162], '2.8'],
    ['a100 tp8 vllm-2023', [48.29, 244.4, 401, 316], '2.8'],
  ]),
  ...fits('llama-3.1-70b fp8', INFERENCE_MAX, [
    ['h100 tp2 vllm', [16.58, 63.7, 45.5, 57.2], '1.8'],
    ['h100 tp4 vllm', [11.08, 46.8, 41.3, 28.4], '4.1'],
    ['h100 tp8 vllm', [8.69, 28.3, 56.1, 13.8], '3.1'],
    ['h200 tp1 vllm', [20.0, 112.9, 47.1, 88.1], '5.7'],
    ['h200 tp2 vllm', [13.3, 72.9, 19.0, 35.8], '6.9'],
    ['h200 tp4 vllm', [9.23, 45.1, 28.9, 21.4], '7.6'],
    ['h200 tp8 vllm', [7.64, 26.3, 37.6, 10.1], '4.9'],
    ['h200 tp1 trtllm', [19.45, 106, 31, 40], '1.0 to 2.1'],
    ['h200 tp2 trtllm', [11.44, 65, 25, 20], '1.0 to 2.1'],
    ['h200 tp4 trtllm', [7.62, 41, 34, 11], '1.0 to 2.1'],
    ['h200 tp8 trtllm', [5.77, 27, 86, 5.4], '1.0 to 2.1'],
  ]),
  ...fits('llama-3.1-8b fp8', INFERENCE_MAX, [
    ['h100 tp1 trtllm', [6.46, 20, 2, 49], '1.8 to 9.6'],
    ['h100 tp2 trtllm', [4.43, 13, 4, 24], '1.8 to 9.6'],
  ]),
]

/**
 * The fit of a name; case, spaces, `-` and `_` make no difference.
 * @throws RouteSimError `profile_unknown`, with the nearest known name
 *
 * @example
 * findAffineProfile('llama-3.1-70b fp8 h100 tp4 vllm').baseMs // => 11.08
 */
export function findAffineProfile(name: string): AffineProfile {
  return findByName(AFFINE_PROFILES, name, 'affine profile', 'profile_unknown')
}
