import type { SimulationOptions } from '@routesim/core'
import type { SloOptions } from '@routesim/metrics'
import { clientOptions } from '../config/client-schema.js'
import { backendEvents } from '../config/events-schema.js'
import type { Config } from '../config/schema.js'
import { sloOptions } from '../config/slo-schema.js'

/** What a run takes from its config beside fleet and routers. */
export interface RunSettings {
  /** How clients behave, and what happens to backends, as the engine takes it. */
  readonly conditions: Pick<
    SimulationOptions,
    'warmupRequests' | 'maxInFlight' | 'retries' | 'timeoutMs' | 'events'
  >
  readonly slo: SloOptions
}

export function runSettings({
  simulation,
  workload: { concurrency: maxInFlight },
  client,
  events,
  slo,
}: Config): RunSettings {
  return {
    conditions: {
      warmupRequests: simulation.warmup_requests,
      events: backendEvents(events),
      ...clientOptions(client),
      ...(maxInFlight !== undefined && { maxInFlight }),
    },
    slo: sloOptions(slo),
  }
}
