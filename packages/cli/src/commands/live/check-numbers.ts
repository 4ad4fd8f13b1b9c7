import { UsageError } from '../../usage-error.js'
import { kebab } from '../../usage-messages.js'

interface Range {
  readonly what: string
  readonly holds: (value: number) => boolean
}

type Kind = 'count' | 'requests' | 'amount' | 'positive' | 'share' | 'index' | 'port' | 'seconds'

/** Lengths and counts are kept in 31 bits. */
const MOST = 2 ** 31 - 1
/** More requests do not fit in the memory of a process. */
const MOST_REQUESTS = 10_000_000
/** Timers count ms in 31 bits. */
const LONGEST_SECONDS = Math.floor((2 ** 31 - 1) / 1000)

const RANGES: Readonly<Record<Kind, Range>> = {
  count: {
    what: `an integer from 1 to ${MOST}`,
    holds: (value) => Number.isInteger(value) && value >= 1 && value <= MOST,
  },
  requests: {
    what: `an integer from 1 to ${MOST_REQUESTS}`,
    holds: (value) => Number.isInteger(value) && value >= 1 && value <= MOST_REQUESTS,
  },
  amount: { what: 'a number >= 0', holds: (value) => value >= 0 && Number.isFinite(value) },
  positive: { what: 'a number > 0', holds: (value) => value > 0 && Number.isFinite(value) },
  share: { what: 'a number from 0 to 1', holds: (value) => value >= 0 && value <= 1 },
  index: { what: 'an integer >= 0', holds: (value) => Number.isInteger(value) && value >= 0 },
  seconds: {
    what: `seconds from 0 to ${LONGEST_SECONDS}`,
    holds: (value) => value >= 0 && value <= LONGEST_SECONDS,
  },
  port: {
    what: 'a port from 0 to 65535',
    holds: (value) => Number.isInteger(value) && value >= 0 && value <= 65_535,
  },
}

/**
 * Checks options that are numbers; those that were not given are fine.
 *
 * @param ranges - by name of the option as the parser gives it
 * @throws UsageError that names the option
 */
export function checkNumbers(args: object, ranges: Readonly<Record<string, Kind>>): void {
  for (const [name, range] of Object.entries(ranges)) {
    const value = (args as Readonly<Record<string, unknown>>)[name]
    const { what, holds } = RANGES[range]
    if (value === undefined || holds(value as number)) continue
    const flag = kebab(name)
    throw new UsageError(`--${flag}: expected ${what}, got ${value}`)
  }
}
