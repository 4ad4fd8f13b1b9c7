import type { LlmdExperiment } from '../llmd/llmd-experiments.js'
import { vllmOf } from '../vllm-releases.js'

/** A published comparison of routing policies that ships with RouteSim, and its figures. */
export interface PublishedRouting {
  readonly experiment: LlmdExperiment
  /** Policy, requests per second, and published columns. */
  readonly figures: readonly (readonly [
    policy: string,
    rateRps: number,
    measured: Readonly<Record<string, number>>,
  ])[]
}

/** Lengths grow by 5.2 % when random tokens are sent as text; answers lose 5.8 % when counted again. */
const PROMPT_GROWTH = 7576 / 7200
const COUNTED_SHARE = 0.942

/**
 * Figures quoted from llm-d/llm-d-kv-cache-manager, commit a378f5b, benchmarking/73-capacity/README.md
 * and benchmarking/37-capacity/README.md (Apache-2.0). Gaps between tokens are twice the published ones,
 * which count two stream events per token. Blocks of 64 tokens, as the router of these runs follows them.
 */
export const PUBLISHED_ROUTING: readonly PublishedRouting[] = [
  {
    experiment: {
      name: 'qwen3_32b_8xTP2_h100_73cap',
      pods: 8,
      countedTokenShare: COUNTED_SHARE,
      deployment: {
        model: 'Qwen3-32B',
        gpu: 'H100 SXM',
        tp: 2,
        engine: 'vllm',
        kvTokens: 307_328,
        blockTokens: 64,
        ...vllmOf('0.10', 2),
      },
      load: {
        groups: 150,
        promptsPerGroup: 5,
        systemTokens: Math.round(6000 * PROMPT_GROWTH),
        questionTokens: Math.round(1200 * PROMPT_GROWTH),
        outputTokens: 1000,
        arrivals: 'poisson',
        stages: [
          { rateRps: 15, durationSec: 50 },
          { rateRps: 3, durationSec: 20 },
          { rateRps: 10, durationSec: 20 },
          { rateRps: 15, durationSec: 20 },
          { rateRps: 20, durationSec: 38 },
        ],
      },
      policies: {
        precise: 'prefix w3 + kv-cache w2 + queue w2',
        estimated: 'prefix w1 + kv-cache w1 + queue w1',
        load: 'queue w1 + kv-cache w1',
        random: 'random',
      },
    },
    figures: [
      ['precise', 20, { output_tok_s: 9185, ttft_p90_s: 0.6 }],
      ['estimated', 20, { output_tok_s: 8083, ttft_p90_s: 0.6 }],
      ['random', 20, { output_tok_s: 4933, ttft_p90_s: 70.3 }],
      ['load', 20, { output_tok_s: 4903, ttft_p90_s: 77.7 }],
    ],
  },
  {
    experiment: {
      name: 'llama31_70b_4xTP4_h100_37cap',
      pods: 4,
      countedTokenShare: COUNTED_SHARE,
      deployment: {
        model: 'Llama-3.1-70B',
        gpu: 'H100 SXM',
        tp: 4,
        engine: 'vllm',
        kvTokens: 461_376,
        blockTokens: 64,
        ...vllmOf('0.10', 4),
      },
      load: {
        groups: 83,
        promptsPerGroup: 3,
        systemTokens: Math.round(8000 * PROMPT_GROWTH),
        questionTokens: Math.round(1000 * PROMPT_GROWTH),
        outputTokens: 1000,
        arrivals: 'constant',
        stages: [
          { rateRps: 9, durationSec: 30 },
          { rateRps: 3, durationSec: 210 },
          { rateRps: 4, durationSec: 180 },
          { rateRps: 5, durationSec: 120 },
        ],
      },
      policies: {
        precise: 'prefix w2 + kv-cache w1 + queue w1',
        random: 'random',
      },
    },
    figures: [
      ['precise', 5, { output_tok_s: 3940.5, ttft_mean_s: 0.188, itl_mean_s: 0.03 }],
      ['random', 5, { output_tok_s: 2647.1, ttft_mean_s: 15.998, itl_mean_s: 0.054 }],
    ],
  },
]
