import { moveEvents } from '../config/move-events.js'
import type { Config } from '../config/schema.js'
import type { WorkloadSource } from './load-workload.js'

/** The config with its events at their places beside the requests, whose times may have changed. */
export async function besideRequests(config: Config, workload: WorkloadSource): Promise<Config> {
  const moved = await workload.moved?.()
  return moved === undefined ? config : { ...config, events: moveEvents(config.events, moved) }
}
