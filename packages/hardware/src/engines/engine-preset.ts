import type { KvPrecision, WeightPrecision } from '../precision/precision.js'

/** What a serving engine does unless told otherwise, where it matters to a simulation. */
export interface EnginePreset {
  readonly name: string
  readonly aliases: readonly string[]
  /** Release whose defaults these are. */
  readonly version: string
  /** Tokens of one step at most, on large GPUs and on others, see `defaultFor`. */
  readonly maxBatchTokens: { readonly large: number; readonly small: number }
  /** Requests in one batch at most, likewise. */
  readonly maxNumSeqs: { readonly large: number; readonly small: number }
  /** Tokens per KV block. */
  readonly kvBlockTokens: number
  readonly chunkedPrefill: boolean
  readonly prefixCaching: boolean
  /** Whether steps hold decodes and prompt chunks together, or prompts first and alone. */
  readonly batching: 'mixed' | 'prefill-first'
  /** What must fit before a request is admitted: its prompt, or its whole output too. */
  readonly admission: 'prompt' | 'prompt-and-expected-output' | 'prompt-and-whole-output'
  /** What happens when blocks run out: the newest is computed again, some are, or it cannot happen. */
  readonly preemption: 'recompute-newest' | 'retract-shortest-output' | 'never'
  /** Index of the prefix cache: hashed blocks or a radix tree of tokens. */
  readonly prefixIndex: 'blocks' | 'radix'
  /** Part of the memory the engine takes for weights, activations and KV cache. */
  readonly gpuMemoryUtilization: number
  /** Host work per sequence and step that the GPU waits for, in ms. */
  readonly hostMsPerRequest: number
  /** Least durations of kernels and collectives, as a multiple of unfused ones: fused ones are fewer. */
  readonly kernelFloorScale: number
  /** From the arrival of a request to the scheduler: HTTP, template, tokeniser, queue, in ms. */
  readonly frontEndMs: number
  /** Precision of the KV cache for a precision of the weights. */
  kvPrecision(weights: WeightPrecision): KvPrecision
  /** Where the figures come from. */
  readonly source: string
}
