import { isEarlier } from '../../kernel/instant.js'
import { MOST_STEPS } from './backend-batch.js'
import type { FleetState } from './fleet-state.js'

/*
 * Consecutive steps of an unchanged batch, one such stretch per backend: step i (from 0) lasts
 * `BASE_MS + i * SLOPE_MS`, so the first k of them last k·base + slope·k(k-1)/2.
 */

/** What the functions here read. */
export type StretchState = Pick<FleetState, 'batches' | 'time'>

/** When the first k steps of a stretch are over. So small that V8 always inlines it and boxes nothing. */
function endOf(startMs: number, baseMs: number, slopeMs: number, k: number): number {
  return startMs + (k * baseMs + slopeMs * ((k * (k - 1)) / 2))
}

/** When the first k steps are over. */
export function endAfter({ batches }: StretchState, backend: number, k: number): number {
  const batch = batches[backend]!
  return endOf(batch.startMs, batch.baseMs, batch.slopeMs, k)
}

/** Lets the stretch end after k steps. */
export function setEnd({ batches, endMs }: FleetState, backend: number, k: number): void {
  const batch = batches[backend]!
  endMs[backend] = endOf(batch.startMs, batch.baseMs, batch.slopeMs, k)
}

/**
 * The smallest k >= 1 whose end is not earlier than now: the step under way, its end included.
 * @param guess - a first estimate, which only costs time if it is wrong
 */
export function stepUnderWay(
  state: StretchState,
  backend: number,
  guess: number = estimate(state, backend),
): number {
  const { batches, time } = state
  const batch = batches[backend]!
  const { startMs, baseMs, slopeMs, steps } = batch
  const nowMs = time[0]!
  let k = Math.min(Math.max(1, guess), steps)
  while (k < steps && isEarlier(endOf(startMs, baseMs, slopeMs, k), nowMs)) k++
  while (k > 1 && !isEarlier(endOf(startMs, baseMs, slopeMs, k - 1), nowMs)) k--
  return k
}

/**
 * How many steps are over by now, given the step under way. Of steps that end in one instant those of lower
 * backends are over first.
 */
export function stepsOver(state: StretchState, backend: number, underWay: number): number {
  const { batches, time } = state
  const batch = batches[backend]!
  const endMs = endOf(batch.startMs, batch.baseMs, batch.slopeMs, underWay)
  return isEarlier(time[0]!, endMs) || backend > time[1]! ? underWay - 1 : underWay
}

/** The root of the quadratic in the form that does not cancel when the slope is small. */
function estimate({ batches, time }: StretchState, backend: number): number {
  const batch = batches[backend]!
  const slopeMs = batch.slopeMs
  const elapsed = time[0]! - batch.startMs
  const half = batch.baseMs - slopeMs / 2
  const root = Math.ceil((2 * elapsed) / (half + Math.sqrt(half * half + 2 * slopeMs * elapsed)))
  return root < MOST_STEPS ? root | 0 : 1
}
