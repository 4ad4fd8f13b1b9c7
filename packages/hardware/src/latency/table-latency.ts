import { type LatencyModel, RouteSimError, type StepSegment, type StepShape } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'
import type { LatencyTableRow } from './latency-table.js'

/**
 * Step times interpolated between measured ones: linear in prompt tokens, decoding requests and their
 * mean context at once. Beyond the largest value of an axis the last piece goes on; below the least it
 * holds. Within them more work never takes less time: a measurement below that of less work is raised. Rows must form a grid: every combination of the values on the three axes,
 * those of prompt tokens and of decodes with a 0, except that steps without decodes have no context and that nothing
 * at all takes the least of its neighbours.
 * @throws RouteSimError `latency_table_invalid`
 */
export function tableLatency(rows: readonly LatencyTableRow[]): LatencyModel {
  const grid = new Grid(rows)
  return {
    name: 'table',
    stepMs: ({ prefillTokens, decodeRequests, decodeContextTokens }: StepShape): number =>
      grid.at(
        prefillTokens,
        decodeRequests,
        decodeRequests === 0 ? 0 : decodeContextTokens / decodeRequests,
      ),
    segment(step: StepShape, out: StepSegment): void {
      const { prefillTokens, decodeRequests, decodeContextTokens } = step
      const context = decodeRequests === 0 ? 0 : decodeContextTokens / decodeRequests
      out.baseMs = grid.at(prefillTokens, decodeRequests, context)
      out.slopeMs = 0
      out.steps = Number.POSITIVE_INFINITY
      if (decodeRequests === 0) return
      grid.alongContext(prefillTokens, decodeRequests, context, out)
    },
  }
}

class Grid {
  private readonly prefill: readonly number[]
  private readonly decode: readonly number[]
  private readonly context: readonly number[]
  private readonly ms: Float64Array

  constructor(rows: readonly LatencyTableRow[]) {
    this.prefill = axis(rows.map((row) => row.prefillTokens))
    this.decode = axis(rows.map((row) => row.decodeRequests))
    this.context = axis(
      rows.filter((row) => row.decodeRequests > 0).map((row) => row.contextTokens),
    )
    needZeroAndMore('prefill_tokens', this.prefill)
    needZeroAndMore('decode_requests', this.decode)
    refuseContradictions(rows)
    this.ms = this.filled(rows)
  }

  at(prefillTokens: number, decodeRequests: number, context: number): number {
    const { prefill, decode } = this
    const p = within(prefill, prefillTokens)
    const d = within(decode, decodeRequests)
    const c = within(this.context, context)
    let ms = this.inside(p, d, c)
    // Each axis goes on by itself: two at once would multiply what noise is in their slopes.
    if (prefillTokens > p) {
      ms += (prefillTokens - p) * lastSlope(prefill, (value) => this.inside(value, d, c))
    }
    if (decodeRequests > d) {
      ms += (decodeRequests - d) * lastSlope(decode, (value) => this.inside(p, value, c))
    }
    if (context > c && this.context.length > 1) {
      ms += (context - c) * lastSlope(this.context, (value) => this.inside(p, d, value))
    }
    return ms
  }

  private inside(prefillTokens: number, decodeRequests: number, context: number): number {
    const i = pieceOf(this.prefill, prefillTokens)
    const low = this.overDecodes(i, decodeRequests, context)
    const high = this.overDecodes(i + 1, decodeRequests, context)
    return along(this.prefill, i, prefillTokens, low, high)
  }

  /** Slope per token of context and the steps to the next knot. */
  alongContext(
    prefillTokens: number,
    decodeRequests: number,
    context: number,
    out: StepSegment,
  ): void {
    const { context: knots } = this
    if (knots.length === 1) return
    const isBefore = context < knots[0]!
    const next = isBefore ? knots[0]! : knots[pieceOf(knots, context) + 1]!
    const isLast = context >= knots.at(-1)!
    const steps = isLast ? Number.POSITIVE_INFINITY : Math.floor(next - context) + 1
    const farther = isLast ? context + 1 : next
    const risen = this.at(prefillTokens, decodeRequests, farther) - out.baseMs
    out.slopeMs = isBefore ? 0 : risen / (farther - context)
    out.steps = steps
  }

  private overDecodes(i: number, decodeRequests: number, context: number): number {
    const j = pieceOf(this.decode, decodeRequests)
    const low = this.overContext(i, j, context)
    const high = this.overContext(i, j + 1, context)
    return along(this.decode, j, decodeRequests, low, high)
  }

  private overContext(i: number, j: number, context: number): number {
    const row = (i * this.decode.length + j) * this.context.length
    if (this.context.length === 1) return this.ms[row]!
    const k = pieceOf(this.context, context)
    return along(this.context, k, context, this.ms[row + k]!, this.ms[row + k + 1]!)
  }

  private filled(rows: readonly LatencyTableRow[]): Float64Array {
    const { prefill, decode, context } = this
    const ms = new Float64Array(prefill.length * decode.length * context.length).fill(Number.NaN)
    for (const row of rows) {
      const at =
        (prefill.indexOf(row.prefillTokens) * decode.length + decode.indexOf(row.decodeRequests)) *
        context.length
      if (row.decodeRequests === 0) ms.fill(row.stepMs, at, at + context.length)
      else ms[at + context.indexOf(row.contextTokens)] = row.stepMs
    }
    const isCornerOpen = Number.isNaN(ms[0])
    const hole = ms.findIndex(
      (value, at) => Number.isNaN(value) && !(isCornerOpen && at < context.length),
    )
    if (hole !== -1) {
      const k = hole % context.length
      const j = Math.floor(hole / context.length) % decode.length
      const i = Math.floor(hole / (context.length * decode.length))
      refuse(
        `latency table: expected every combination of its values, missing: prefill_tokens ${prefill[i]}, decode_requests ${decode[j]}, context_tokens ${context[k]}`,
      )
    }
    if (isCornerOpen) {
      const least = Math.min(ms[context.length]!, ms[decode.length * context.length]!)
      ms.fill(least, 0, context.length)
    }
    this.raise(ms)
    return ms
  }

  /** Running maxima along each axis. */
  private raise(ms: Float64Array): void {
    const { prefill, decode, context } = this
    const plane = decode.length * context.length
    const raiseTo = (at: number, below: number): void => {
      ms[at] = Math.max(ms[at]!, ms[below]!)
    }
    for (let at = 0; at < prefill.length * plane; at++) {
      if (at % context.length > 0) raiseTo(at, at - 1)
      if (at % plane >= context.length) raiseTo(at, at - context.length)
      if (at >= plane) raiseTo(at, at - plane)
    }
  }
}

function axis(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}

function needZeroAndMore(name: string, values: readonly number[]): void {
  if (values[0] === 0 && values.length >= 2) return
  refuse(
    `latency table: ${name}: expected at least two values, one of them 0, got ${values.join(', ') || 'none'}`,
  )
}

/** Of several times for one step only one could hold; without decodes, contexts make no other step. */
function refuseContradictions(rows: readonly LatencyTableRow[]): void {
  const firsts = new Map<string, LatencyTableRow>()
  for (const row of rows) {
    const { prefillTokens, decodeRequests, contextTokens } = row
    const step = [prefillTokens, decodeRequests, decodeRequests === 0 ? 0 : contextTokens].join()
    const first = firsts.get(step) ?? row
    firsts.set(step, first)
    if (first.stepMs === row.stepMs) continue
    refuse(
      `latency table: expected one step_ms for each step, got the rows ${textOf(first)} and ${textOf(row)} (prefill_tokens, decode_requests, context_tokens, step_ms)`,
    )
  }
}

function textOf({ prefillTokens, decodeRequests, contextTokens, stepMs }: LatencyTableRow): string {
  return [prefillTokens, decodeRequests, contextTokens, stepMs].join()
}

function refuse(message: string): never {
  throw new RouteSimError<HardwareErrorCode>(message, { code: 'latency_table_invalid' })
}

/** The nearest value that the knots span. */
function within(knots: readonly number[], value: number): number {
  return Math.min(Math.max(value, knots[0]!), knots.at(-1)!)
}

/** Slope of the last piece of an axis. */
function lastSlope(knots: readonly number[], msAt: (value: number) => number): number {
  const last = knots.at(-1)!
  const before = knots.at(-2)!
  return (msAt(last) - msAt(before)) / (last - before)
}

/** Index of the piece between two knots that holds a value, or is the nearest to it. */
function pieceOf(knots: readonly number[], value: number): number {
  let piece = 0
  while (piece < knots.length - 2 && knots[piece + 1]! <= value) piece++
  return piece
}

function along(
  knots: readonly number[],
  piece: number,
  value: number,
  low: number,
  high: number,
): number {
  const from = knots[piece]!
  const part = (value - from) / (knots[piece + 1]! - from)
  return low + part * (high - low)
}
