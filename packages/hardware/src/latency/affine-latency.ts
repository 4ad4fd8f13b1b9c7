import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import { refuseParameter } from './refuse-parameter.js'

/**
 * Parameters of {@link affineLatency}, each finite and at least 0. A step must take time: `baseMs`, or
 * both a prefill and a decode parameter, must be greater than 0.
 */
export interface AffineLatencyOptions {
  /** Cost of any step: weights read, kernels launched. */
  readonly baseMs: number
  /** Cost of each prompt token computed. */
  readonly prefillMsPerToken: number
  /** Cost of each decoding request. */
  readonly decodeMsPerRequest: number
  /** Cost of each token of context that decoding requests attend to. */
  readonly decodeMsPerContextToken: number
  /** The same in steps that hold prompt tokens too, where it costs more; as in others when absent. */
  readonly mixedDecodeMsPerContextToken?: number
  /** Cost of each pair (prompt token, token it attends to), cached tokens included; none when absent. */
  readonly prefillMsPerAttentionPair?: number
}

/**
 * Step times affine in what the step computes: base + prefill tokens + decoding requests + their
 * context tokens, each at its price in ms, and attention of prompts if given. The prices come from a linear regression over
 * measured steps of an engine, or from bandwidth and FLOPs of a GPU.
 * @throws RouteSimError `latency_invalid`
 */
export function affineLatency(options: AffineLatencyOptions): LatencyModel {
  check(options)
  const { baseMs, prefillMsPerToken, decodeMsPerRequest, decodeMsPerContextToken } = options
  const mixedMsPerContextToken = options.mixedDecodeMsPerContextToken ?? decodeMsPerContextToken
  const msPerPair = options.prefillMsPerAttentionPair ?? 0

  function contextMs(step: StepShape): number {
    return step.prefillTokens > 0 ? mixedMsPerContextToken : decodeMsPerContextToken
  }

  function stepMs(step: StepShape): number {
    return (
      baseMs +
      prefillMsPerToken * step.prefillTokens +
      decodeMsPerRequest * step.decodeRequests +
      contextMs(step) * step.decodeContextTokens +
      msPerPair * step.prefillAttentionPairs
    )
  }

  return {
    name: 'affine',
    stepMs,
    segment(step: StepShape, out: StepSegment): void {
      const { prefillTokens } = step
      out.baseMs = stepMs(step)
      out.slopeMs =
        contextMs(step) * step.decodeRequests + msPerPair * prefillTokens * prefillTokens
      // How the chunks of several prompts grow is not known from their sum.
      out.steps = msPerPair > 0 && step.prefillRequests > 1 ? 1 : Number.POSITIVE_INFINITY
    },
  }
}

function check(options: AffineLatencyOptions): void {
  const names = [
    'baseMs',
    'prefillMsPerToken',
    'decodeMsPerRequest',
    'decodeMsPerContextToken',
    'mixedDecodeMsPerContextToken',
    'prefillMsPerAttentionPair',
  ] as const
  for (const name of names) {
    const value = options[name] ?? 0
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      refuseParameter(name, 'a finite number >= 0', value)
    }
  }
  if (options.baseMs > 0) return
  const needed = 'a number > 0 because baseMs is 0 and every step must take time'
  if (options.prefillMsPerToken === 0) refuseParameter('prefillMsPerToken', needed, 0)
  if (options.decodeMsPerRequest === 0 && options.decodeMsPerContextToken === 0) {
    refuseParameter('decodeMsPerRequest', needed, 0)
  }
}
