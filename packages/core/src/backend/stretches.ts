import { isEarlier } from '../kernel/instant.js'
import { BASE_MS, FLOATS, type FleetState, INTS, SLOPE_MS, START_MS, STEPS } from './fleet-state.js'

/*
 * Consecutive steps of an unchanged batch, one such stretch per backend: step i (from 0) lasts
 * `BASE_MS + i * SLOPE_MS`, so the first k of them last k·base + slope·k(k-1)/2.
 */

/** What the functions here read. */
export type StretchState = Pick<FleetState, 'ints' | 'floats' | 'time'>

/** When the first k steps are over. */
export function endOfSteps({ floats }: StretchState, backend: number, k: number): number {
  const x = backend * FLOATS
  return (
    floats[x + START_MS]! + (k * floats[x + BASE_MS]! + floats[x + SLOPE_MS]! * ((k * (k - 1)) / 2))
  )
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
  const timeMs = state.time[0]!
  const steps = state.ints[backend * INTS + STEPS]!
  let k = Math.min(Math.max(1, guess), steps)
  while (k < steps && isEarlier(endOfSteps(state, backend, k), timeMs)) k++
  while (k > 1 && !isEarlier(endOfSteps(state, backend, k - 1), timeMs)) k--
  return k
}

/** How many steps are over by now, given the step under way. */
export function stepsOver(state: StretchState, backend: number, underWay: number): number {
  return isEarlier(state.time[0]!, endOfSteps(state, backend, underWay)) ? underWay - 1 : underWay
}

/** The root of the quadratic in the form that does not cancel when the slope is small. */
function estimate({ floats, time }: StretchState, backend: number): number {
  const x = backend * FLOATS
  const slopeMs = floats[x + SLOPE_MS]!
  const elapsed = time[0]! - floats[x + START_MS]!
  const half = floats[x + BASE_MS]! - slopeMs / 2
  const root = Math.ceil((2 * elapsed) / (half + Math.sqrt(half * half + 2 * slopeMs * elapsed)))
  return Number.isFinite(root) ? root : 1
}
