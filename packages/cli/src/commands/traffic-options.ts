import { RETIMINGS, type Retiming } from '@routesim/traces'
import type { Options } from 'yargs'
import { UsageError } from '../usage-error.js'
import { checkPositive } from './check-bounds.js'

/** Options that change how the requests of a trace are sent. */
export interface TrafficArguments extends RetimingArguments {
  concurrency?: number | undefined
}

/** Options that change when the requests of a trace arrive. */
export interface RetimingArguments {
  readonly arrivals?: Retiming | undefined
  rate?: number | undefined
}

export const RETIMING_OPTIONS: Record<'arrivals' | 'rate', Options> = {
  arrivals: {
    choices: RETIMINGS,
    requiresArg: true,
    describe: 'Other times of arrival for the requests of a trace',
  },
  rate: {
    type: 'number',
    requiresArg: true,
    describe: 'Requests per second, for --arrivals rescaled and poisson',
  },
}

export const TRAFFIC_OPTIONS: Record<'arrivals' | 'rate' | 'concurrency', Options> = {
  ...RETIMING_OPTIONS,
  concurrency: {
    type: 'number',
    requiresArg: true,
    describe: 'Requests in flight at most: others wait at the client',
  },
}

/** Checks what the option parser lets through. @throws UsageError */
export function checkTraffic({ concurrency, ...retiming }: TrafficArguments): void {
  checkRetiming(retiming)
  if (concurrency === undefined || (Number.isInteger(concurrency) && concurrency >= 1)) return
  throw new UsageError(`--concurrency: expected an integer >= 1, got ${concurrency}`)
}

/** Checks what the option parser lets through. @throws UsageError */
export function checkRetiming({ arrivals, rate }: RetimingArguments): void {
  checkPositive('rate', rate)
  if (rate !== undefined && arrivals === 'at_once') {
    throw new UsageError(`--rate: expected nothing with --arrivals at_once, got ${rate}`)
  }
}
