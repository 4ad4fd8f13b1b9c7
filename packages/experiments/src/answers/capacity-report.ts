import type { SaturationVerdict } from '@routesim/metrics'
import type { ScenarioInfo } from '../run/scenario.js'

/** One value that was tried, under every seed. */
export interface CapacityProbe {
  /** Requests per second, or backends of the whole fleet. */
  readonly value: number
  /** Backends of each group of the fleet, those that prefill first; null where the rate is sought. */
  readonly split: readonly number[] | null
  /** Requests per second that came: mean over the seeds. */
  readonly offered_per_sec: number | null
  /** Requests that were measured, under all seeds. */
  readonly requests: number
  /** Whether the targets were met. */
  readonly meets: boolean
  /** Share of requests that met all their targets: mean over the seeds, and half its 95 % interval. */
  readonly attainment: number
  readonly attainment_ci95: number | null
  /** Share of requests that are too long for any backend: mean over the seeds. */
  readonly oversized: number
  /** The worst over the seeds. */
  readonly saturation: SaturationVerdict
  /** Mean over the seeds, in ms. */
  readonly ttft_p99: number | null
}

/** What a fleet behind an algorithm can do. */
export interface CapacityAnswer {
  readonly algorithm: string
  /** GPU type as asked for, or that of the config. */
  readonly gpu: string
  /** Nearest value tried that meets the targets; null when none does. */
  readonly meets: number | null
  /** Nearest value that misses them, of backends however they are dealt out; null when none does. */
  readonly misses: number | null
  /** The same under each seed on its own, as far as the values tried tell. */
  readonly per_seed: readonly {
    readonly seed: number
    readonly meets: number | null
    readonly misses: number | null
  }[]
  /**
   * Requests per second that came at `meets`, where waiting turns and the like made them clearly others than
   * were asked for; else null.
   */
  readonly offered_per_sec: number | null
  /** Why no smaller fleet than the one that meets the targets was tried, though it might; null when that is the answer. */
  readonly bounded_by: string | null
  /** Backends of the fleet that meets the targets, and its price in USD per hour. */
  readonly backends: number | null
  /** Its groups where it has several, such as `4 prefill + 2 decode`; else null. */
  readonly fleet: string | null
  readonly usd_per_hour: number | null
  /** Every value tried, ascending. */
  readonly probes: readonly CapacityProbe[]
  /** Why it could not be tried, such as a model that does not fit. */
  readonly problem: string | null
}

/** What {@link capacity} found. */
export interface CapacityReport {
  readonly scenario: ScenarioInfo
  readonly find: 'rate' | 'backends'
  /** Rate that fleets have to carry; null for the traffic as it is. */
  readonly rate: number | null
  /** Share of requests that must meet their targets. */
  readonly attainment: number
  /** Relative width of an interval of rates. */
  readonly precision: number
  readonly answers: readonly CapacityAnswer[]
  /** Simulations that were run. */
  readonly runs: number
  /** Plain sentences. */
  readonly verdict: readonly string[]
}
