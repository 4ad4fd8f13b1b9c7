import { RandomStream, type RequestTable, sharedFloat64 } from '@routesim/core'
import { describeValue } from '../errors/describe-value.js'
import { traceError } from '../errors/trace-error.js'

/** What may become of the times at which requests arrive. */
export const RETIMINGS = ['rescaled', 'poisson', 'at_once'] as const

/** What becomes of the times at which requests arrive. */
export type Retiming = (typeof RETIMINGS)[number]

/** Options of {@link retimeTrace}. */
export interface RetimeOptions {
  /**
   * `rescaled`: all times are stretched or compressed alike, those of thinking too. `poisson`: they are replaced by those of a
   * Poisson process, in the same order. `at_once`: all arrive at 0, for a limit of requests in flight.
   */
  readonly arrivals: Retiming
  /** `rescaled`, `poisson`: mean requests per second. */
  readonly rateRps?: number | undefined
  /** `poisson`: seed of the gaps. */
  readonly seed?: number | undefined
}

/**
 * The same requests at other times. Rescaling makes the mean rate from the first arrival to the last,
 * (n - 1) / span, what was asked for; times between the turns of a conversation and think times after an
 * answer change with it, so that only answers can hold turns up.
 * @throws RouteSimError `trace_option_invalid`
 *
 * @example
 * const busier = retimeTrace(table, { arrivals: 'rescaled', rateRps: 20 })
 */
export function retimeTrace(table: RequestTable, options: RetimeOptions): RequestTable {
  const { arrivals, rateRps, seed = 0 } = options
  if (!RETIMINGS.includes(arrivals)) throw invalid('arrivals', RETIMINGS.join(', '), arrivals)
  if (arrivals === 'at_once') {
    if (rateRps !== undefined) throw invalid('rateRps', 'nothing with at_once', rateRps)
    return { ...table, arrivalMs: sharedFloat64(table.size) }
  }
  if (rateRps === undefined || !(rateRps > 0 && rateRps <= 1e9)) {
    throw invalid('rateRps', 'a number > 0 and <= 1000000000', rateRps)
  }
  if (!(Number.isSafeInteger(seed) && seed >= 0)) throw invalid('seed', 'an integer >= 0', seed)
  const arrivalMs = sharedFloat64(table.size)
  if (arrivals === 'poisson') {
    const random = new RandomStream(seed, 'arrivals')
    let ms = 0
    for (let row = 0; row < table.size; row++) {
      ms += random.exponential(1000 / rateRps)
      arrivalMs[row] = ms
    }
    return { ...table, arrivalMs }
  }
  const first = table.arrivalMs[0] ?? 0
  const spanMs = (table.arrivalMs[table.size - 1] ?? 0) - first
  const factor = spanMs === 0 ? 0 : ((table.size - 1) * 1000) / rateRps / spanMs
  for (let row = 0; row < table.size; row++)
    arrivalMs[row] = (table.arrivalMs[row]! - first) * factor
  const { thinkMs } = table
  if (thinkMs === undefined || spanMs === 0) return { ...table, arrivalMs }
  const scaledMs = sharedFloat64(table.size)
  for (let row = 0; row < table.size; row++) scaledMs[row] = thinkMs[row]! * factor
  return { ...table, arrivalMs, thinkMs: scaledMs }
}

function invalid(name: string, expected: string, got: unknown): Error {
  const message = `${name}: expected ${expected}, got ${describeValue(got)}`
  return traceError('trace_option_invalid', message, { path: name })
}
