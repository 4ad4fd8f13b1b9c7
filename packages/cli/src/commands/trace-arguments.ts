import type { TraceOptions } from '@routesim/experiments'

/** Options of the commands that read a trace. */
export interface TraceArguments extends TraceOptions {
  trace?: string
}
