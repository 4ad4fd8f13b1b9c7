import { type ErrorDetails, RouteSimError } from '@routesim/core'

/** The codes of every error that `@routesim/traces` throws. */
export type TraceErrorCode =
  | 'trace_invalid'
  | 'trace_empty'
  | 'trace_unreadable'
  | 'trace_unwritable'
  | 'trace_aborted'
  | 'trace_option_invalid'
  | 'trace_unknown'
  | 'trace_not_pulled'
  | 'pull_failed'
  | 'pull_corrupt'
  | 'generator_invalid'

/** An error of this package; `extra` holds what the code alone does not say. */
export function traceError(
  code: TraceErrorCode,
  message: string,
  extra: Omit<ErrorDetails<TraceErrorCode>, 'code'> = {},
): RouteSimError<TraceErrorCode> {
  return new RouteSimError(message, { code, ...extra })
}
