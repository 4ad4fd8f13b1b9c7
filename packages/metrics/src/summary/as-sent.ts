import type { RequestTable, RunResult } from '@routesim/core'

/** Latencies count from when a request is sent, which may be later than it arrives at its client. */
export function asSent({ requests, sentMs }: RunResult): RequestTable {
  return sentMs === requests.arrivalMs ? requests : { ...requests, arrivalMs: sentMs }
}
