import { RandomStream } from '@routesim/core'
import type { ArrivalsSpec } from './arrivals-spec.js'
import type { Distribution } from './distribution.js'
import { rateSegments } from './rate-segments.js'
import type { ClientSpec, WorkloadSpec } from './workload-spec.js'

const ENDLESS = Number.POSITIVE_INFINITY

/**
 * When requests of a client cease to arrive, in ms; infinite when nothing but their number says so: how
 * long users take who wait for their answers is not known beforehand.
 */
export function endOf({ durationSec = ENDLESS }: WorkloadSpec, { arrivals }: ClientSpec): number {
  if (arrivals.kind === 'users' && arrivals.rateRps === undefined) return ENDLESS
  const stages = arrivals.stages?.reduce((sum, stage) => sum + stage.durationSec, 0) ?? ENDLESS
  return Math.min(durationSec, stages) * 1000
}

/** Requests of a workload that are to be expected, all turns and agents' calls among them. */
export function expectedOf(spec: WorkloadSpec): number {
  const sum = spec.clients.reduce((total, client) => total + expectedOfClient(spec, client), 0)
  return Math.min(
    sum,
    (spec.requests ?? ENDLESS) + (spec.clients.length > 0 ? callsOf(spec) - 1 : 0),
  )
}

/** Requests of the longest usual conversation: what goes beyond a limit of requests. */
function callsOf({ clients }: WorkloadSpec): number {
  return Math.max(...clients.map(callsPerArrival))
}

function expectedOfClient(spec: WorkloadSpec, client: ClientSpec): number {
  const { arrivals, sessions } = client
  const calls = callsPerArrival(client)
  const endMs = endOf(spec, client)
  if (arrivals.kind === 'users' && arrivals.rateRps !== undefined) {
    const most = (arrivals.rateRps * endMs) / 1000
    return Math.min(most, (sessions?.maxSessions ?? ENDLESS) * calls)
  }
  return Math.min(expectedArrivals(arrivals, endMs), sessions?.maxSessions ?? ENDLESS) * calls
}

/** Arrivals that are to be expected before a time. */
export function expectedArrivals(arrivals: ArrivalsSpec, endMs: number): number {
  const { rateRps, onOff, kind } = arrivals
  if (kind === 'at_once' || kind === 'users') return ENDLESS
  if (rateRps !== undefined) return (rateRps * endMs) / 1000
  if (endMs === ENDLESS) return ENDLESS
  if (onOff !== undefined && onOff.lengths === 'exponential') {
    const { onRateRps, offRateRps, onSec, everySec } = onOff
    return ((onRateRps * onSec + offRateRps * (everySec - onSec)) / everySec) * (endMs / 1000)
  }
  let expected = 0
  let startMs = 0
  // Nothing random is left.
  for (const segment of rateSegments(arrivals, new RandomStream(0, ''))) {
    expected += segment.expected(Math.min(segment.durationMs, endMs - startMs))
    startMs += segment.durationMs
    if (startMs >= endMs) break
  }
  return expected
}

/** Requests that one arrival brings about. */
function callsPerArrival({ sessions }: ClientSpec): number {
  if (sessions === undefined) return 1
  const turns = meanOf(sessions.turns)
  const { agents } = sessions
  if (agents === undefined) return turns
  const { probability, children, calls, maxDepth } = agents
  // What one agent brings about, itself among it, from the innermost on.
  let perAgent = 0
  for (let depth = maxDepth; depth >= 1; depth--) {
    const own = meanOf(calls)
    const inner = depth < maxDepth ? (own - 1) * probability * meanOf(children) * perAgent : 0
    perAgent = own + inner
  }
  return turns + Math.max(0, turns - 1) * probability * meanOf(children) * perAgent
}

/** The mean of a distribution, before `min` and `max` clip it. */
export function meanOf(distribution: Distribution): number {
  if (typeof distribution === 'number') return distribution
  const { kind, value, mean, min, max, exponent, values, weights } = distribution
  if (kind === 'fixed') return value!
  if (kind === 'uniform') return (min! + max!) / 2
  if (kind === 'zipf') {
    let sum = 0
    let total = 0
    for (let k = min ?? 1; k <= max!; k++) {
      sum += k ** (1 - exponent!)
      total += k ** -exponent!
    }
    return sum / total
  }
  if (kind !== 'empirical') return mean!
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? values!.length
  return values!.reduce((sum, each, i) => sum + each * (weights?.[i] ?? 1), 0) / total
}
