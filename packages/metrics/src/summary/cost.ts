import { type BackendTotals, RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'

const MS_PER_HOUR = 3_600_000

/** What the measured part of a run cost, in USD. */
export interface FleetCost {
  /** Every backend for the time it was there. */
  readonly fleetUsd: number
  /** Every backend for the time it spent in engine steps. */
  readonly busyUsd: number
}

/**
 * @param presentMs - how long each backend was there, by id
 * @param pricePerHour - USD per hour of each backend, by id
 * @throws RouteSimError `prices_invalid`
 */
export function fleetCost(
  backends: readonly BackendTotals[],
  presentMs: readonly number[],
  pricePerHour: readonly number[],
): FleetCost {
  if (pricePerHour.length !== backends.length) {
    throw new RouteSimError<MetricsErrorCode>(
      `pricePerHour: expected one price for each of ${backends.length} backends, got ${pricePerHour.length}`,
      { code: 'prices_invalid', path: 'pricePerHour' },
    )
  }
  let fleetUsd = 0
  let busyUsd = 0
  for (const { id, busyMs } of backends) {
    const price = pricePerHour[id]!
    if (!(price >= 0 && price < Number.POSITIVE_INFINITY)) {
      throw new RouteSimError<MetricsErrorCode>(
        `pricePerHour[${id}]: expected a finite number >= 0, got ${price}`,
        { code: 'prices_invalid', path: `pricePerHour[${id}]` },
      )
    }
    fleetUsd += (price * presentMs[id]!) / MS_PER_HOUR
    busyUsd += (price * busyMs) / MS_PER_HOUR
  }
  return { fleetUsd, busyUsd }
}
