import type { LatencyModel, StepSegment, StepShape } from '@routesim/core'
import { refuseParameter } from './refuse-parameter.js'

/** Options of {@link mockerLatency}. */
export interface MockerLatencyOptions {
  /** Tokens that the KV cache of a backend holds: decode time depends on how full it is. */
  readonly totalKvTokens: number
}

/** Knots of the decode curve between an empty and a full KV cache. */
const KNOTS = 64

/**
 * Step times of the mock engine of NVIDIA Dynamo (ai-dynamo/dynamo, `perf_model.rs` before
 * commit 0894f5c6): prompt tokens cost 4.209989e-7 n² + 1.518344e-2 n + 16.50142 ms, decodes
 * max(1, -25.74 u² + 54.01 u + 5.74) ms at a share u of the KV cache in use by them, a step the sum.
 * The decode curve is followed in 64 straight pieces, at most 1.6 µs below it. What a chunk attends to
 * costs nothing.
 * @throws RouteSimError `latency_invalid`
 */
export function mockerLatency({ totalKvTokens }: MockerLatencyOptions): LatencyModel {
  if (!(totalKvTokens > 0 && totalKvTokens < Number.POSITIVE_INFINITY)) {
    refuseParameter('totalKvTokens', 'a finite number > 0', totalKvTokens)
  }
  const knots = Float64Array.from({ length: KNOTS + 1 }, (_, i) => decodeMsAt(i / KNOTS))
  const tokensPerPiece = totalKvTokens / KNOTS

  function pieceOf(contextTokens: number): number {
    return Math.min(Math.floor(contextTokens / tokensPerPiece), KNOTS)
  }

  function decodeMs(contextTokens: number): number {
    const piece = pieceOf(contextTokens)
    if (piece === KNOTS) return knots[KNOTS]!
    const part = contextTokens / tokensPerPiece - piece
    return knots[piece]! + part * (knots[piece + 1]! - knots[piece]!)
  }

  function stepMs(step: StepShape): number {
    const prefill = step.prefillTokens === 0 ? 0 : prefillMs(step.prefillTokens)
    return step.decodeRequests === 0 ? prefill : prefill + decodeMs(step.decodeContextTokens)
  }

  return {
    name: 'mocker',
    stepMs,
    segment(step: StepShape, out: StepSegment): void {
      const { decodeRequests, decodeContextTokens } = step
      out.baseMs = stepMs(step)
      out.slopeMs = 0
      out.steps = Number.POSITIVE_INFINITY
      const piece = pieceOf(decodeContextTokens)
      if (decodeRequests === 0 || piece === KNOTS) return
      out.slopeMs = ((knots[piece + 1]! - knots[piece]!) / tokensPerPiece) * decodeRequests
      const left = (piece + 1) * tokensPerPiece - decodeContextTokens
      out.steps = Math.max(1, Math.floor(left / decodeRequests) + 1)
    },
  }
}

function prefillMs(tokens: number): number {
  return (4.209989e-7 * tokens + 1.518344e-2) * tokens + 16.50142
}

function decodeMsAt(share: number): number {
  return Math.max(1, (-25.74 * share + 54.01) * share + 5.74)
}
