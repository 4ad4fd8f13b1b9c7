import type { BackendSpec, LatencyModel } from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { backend } from './tiny-run.js'

/** Step times for sums by hand: 1 ms per 10 prompt tokens, 1 ms per output token, whatever the context. */
export function evenLatency(baseMs: number): LatencyModel {
  return affineLatency({
    baseMs,
    prefillMsPerToken: 0.1,
    decodeMsPerRequest: 1,
    decodeMsPerContextToken: 0,
  })
}

/** A backend of each kind of pool, with steps that cost nothing by themselves. */
export const prefill: BackendSpec = backend({ role: 'prefill', latency: evenLatency(0) })
export const decode: BackendSpec = backend({ role: 'decode', latency: evenLatency(0) })
