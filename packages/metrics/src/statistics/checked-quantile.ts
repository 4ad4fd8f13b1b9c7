import { RouteSimError } from '@routesim/core'
import type { MetricsErrorCode } from '../errors/metrics-error-code.js'

/** Passes a quantile through if it is one. */
export function checkedQuantile(q: number): number {
  if (q >= 0 && q <= 1) return q
  throw new RouteSimError<MetricsErrorCode>(
    `quantile: expected a number from 0 to 1, got ${q}${q > 1 && q <= 100 ? `: did you mean ${q / 100}?` : ''}`,
    { code: 'quantile_invalid' },
  )
}
