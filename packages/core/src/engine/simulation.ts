import { Engine } from './engine.js'
import type { RunResult, RunTotals } from './results/run-result.js'
import type { SimulationOptions } from './simulation-options.js'

/**
 * One run of a workload on a cluster behind a router, in slices, so that the caller can show progress
 * or stop.
 *
 * @example
 * const simulation = new Simulation(options)
 * while (!simulation.run(10_000)) console.error(simulation.endedRequests)
 * const result = simulation.result()
 */
export class Simulation {
  readonly #engine: Engine

  /** @throws RouteSimError `options_invalid` */
  constructor(options: SimulationOptions) {
    this.#engine = new Engine(options)
  }

  /** Requests that have ended so far. */
  get endedRequests(): number {
    return this.#engine.endedRequests
  }

  /**
   * Handles about `maxEvents` events; all that are left when it is not given.
   * @returns true when the run is over
   * @throws RouteSimError when a router, a latency model or the engine itself breaks its contract
   */
  run(maxEvents: number = Number.POSITIVE_INFINITY): boolean {
    return this.#engine.run(maxEvents)
  }

  /**
   * What the run has left behind so far.
   * @throws RouteSimError `no_rows` when its requests came from a source
   */
  result(): RunResult {
    return this.#engine.result()
  }

  /** The same without the requests. */
  totals(): RunTotals {
    return this.#engine.totals()
  }
}

/**
 * Runs a workload on a cluster behind a router, to the end.
 *
 * @throws RouteSimError when the options, a router or a latency model break their contract
 */
export function simulate(options: SimulationOptions): RunResult {
  const simulation = new Simulation(options)
  while (!simulation.run());
  return simulation.result()
}
