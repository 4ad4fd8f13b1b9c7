import type { RoutingAlgorithm } from '@routesim/core'
import type { CoreListener } from './core-listener.js'
import { hookFailed } from './hook-failed.js'

/**
 * What an algorithm reports about itself, as far as Prometheus can read it: one sample that it can not would cost all
 * of them. What is left out is told once.
 */
export class AlgorithmGauges {
  private readonly algorithm: RoutingAlgorithm
  private readonly listener: CoreListener
  /** Names that were complained of; empty for the hook itself. */
  private readonly told = new Set<string>()

  constructor(algorithm: RoutingAlgorithm, listener: CoreListener) {
    this.algorithm = algorithm
    this.listener = listener
  }

  /** Values by name, as names of Prometheus may be. */
  read(): ReadonlyMap<string, number> {
    const values = new Map<string, number>()
    const owners = new Map<string, string>()
    for (const [name, value] of Object.entries(this.figures())) {
      const cleaned = name.replaceAll(/\W/g, '_')
      const owner = owners.get(cleaned)
      if (!Number.isFinite(value))
        this.leaveOut(name, `expected a finite number, got ${kindOf(value)}`)
      else if (owner !== undefined)
        this.leaveOut(
          name,
          `expected another name than ${owner}, as both are ${cleaned} in /metrics`,
        )
      else {
        owners.set(cleaned, name)
        values.set(cleaned, value)
      }
    }
    return values
  }

  private figures(): Readonly<Record<string, number>> {
    const { algorithm } = this
    try {
      return algorithm.customMetrics?.() ?? {}
    } catch (cause) {
      if (!this.told.has(''))
        this.listener.onFault(hookFailed(algorithm, 'customMetrics', undefined, cause))
      this.told.add('')
      return {}
    }
  }

  private leaveOut(metric: string, why: string): void {
    if (this.told.has(metric)) return
    this.told.add(metric)
    this.listener.onMetricLeftOut(this.algorithm.name, metric, why)
  }
}

/** A number as it is, and what else a value is. */
function kindOf(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return value === undefined || value === null ? String(value) : `a ${typeof value}`
}
