import type { SimulationOptions } from '@routesim/core'
import type * as z from 'zod'
import { integer, notNegative, positive, table } from './fields.js'

/** How the client of a run behaves: how long it waits, and what it tries again. */
export const clientSection = table({
  retries: integer(0, 255)
    .default(0)
    .describe(
      'Times a request is sent again at most when its backend fails or is not there, before its first token.',
    ),
  retry_backoff_ms: notNegative()
    .default(0)
    .describe('From such a failure to the next attempt, in ms.'),
  timeout_ms: positive()
    .optional()
    .describe(
      'From sending a request to the end of its answer at most, in ms; then it is called off. Default no limit.',
    ),
})

/** The section as the engine takes it. */
export function clientOptions({
  retries,
  retry_backoff_ms: backoffMs,
  timeout_ms: timeoutMs,
}: z.output<typeof clientSection>): Pick<SimulationOptions, 'retries' | 'timeoutMs'> {
  return {
    retries: { attempts: retries, backoffMs },
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
}
