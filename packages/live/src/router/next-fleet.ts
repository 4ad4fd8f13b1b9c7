import type { LiveBackend } from './live-backend.js'
import type { AlgorithmFactory } from './load-algorithm-factory.js'
import type { RouterConfig } from './router-config.js'

/** A config that is to be taken over as soon as requests can go to its workers. */
export interface NextFleet {
  readonly config: RouterConfig
  /** Makes the algorithm that it names. */
  readonly create: AlgorithmFactory
  /** Keys of workers by the files that hold them. */
  readonly keys: ReadonlyMap<string, string>
  /** In the order of the config; some may be there already. */
  readonly backends: readonly LiveBackend[]
  /** Whether each of them has been asked for its health. */
  isAsked: boolean
}

/** Whether requests find workers that are up: one that does all of them, or one for each of their parts. */
function canServe(backends: readonly LiveBackend[]): boolean {
  const roles = new Set(backends.flatMap(({ isUp, role }) => (isUp ? role : [])))
  return roles.has('both') || (roles.has('prefill') && roles.has('decode'))
}

/** Whether it is time: its workers have been asked and can take requests, or the present ones can not. */
export function isTimeFor(next: NextFleet, present: readonly LiveBackend[]): boolean {
  return (next.isAsked && canServe(next.backends)) || !canServe(present)
}
