import type { Recorder } from '@routesim/core'

/** A recorder's `tokenGaps` that gets one run of gaps at a time. */
export function eachGapRun(
  visit: (baseMs: number, slopeMs: number, steps: number, requests: number) => void,
): NonNullable<Recorder['tokenGaps']> {
  return (runs) => {
    for (let i = 0; i < runs.length; i += 4) {
      visit(runs[i]!, runs[i + 1]!, runs[i + 2]!, runs[i + 3]!)
    }
  }
}
