import type { RequestTable } from '@routesim/core'
import type { GeneratorOptions } from './generator-options.js'
import { TraceGeneration } from './trace-generation.js'
import type { WorkloadSpec } from './workload-spec.js'

/**
 * Generates a trace: the same options and seed give the same table for ever. Arrivals, prompt
 * lengths, output lengths, prefixes and conversations draw from streams of their own.
 *
 * In a conversation a turn's prompt is the whole turn before it, prompt and answer, and new tokens;
 * conversations that start within `durationSec` are finished beyond it. A {@link WorkloadSpec} says
 * everything that can be said; the options are a short form of some of it.
 * @throws RouteSimError `generator_invalid`
 *
 * @example
 * const table = generateTrace({ kind: 'bursty', rateRps: 5, durationSec: 120 })
 */
export function generateTrace(options: GeneratorOptions | WorkloadSpec = {}): RequestTable {
  const generation = new TraceGeneration(options)
  while (!generation.run());
  return generation.table()
}
