const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Steps on which people read a clock, in ms. */
const CLOCK_STEPS = [
  ...[1, 2, 5, 10, 20, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 7].map((days) => days * DAY),
]

/** Labelled values of an axis of durations. */
export interface TimeTicks {
  /** Between two labels, in ms. */
  readonly stepMs: number
  /** A duration in the one unit of the axis. */
  readonly format: (ms: number) => string
}

/**
 * Round steps in one unit: seconds up to a minute between labels, minutes up to an hour, hours up to
 * a day, then days.
 *
 * @param mostMs - where the axis ends, about; above 0
 * @param parts - how many steps it is to have at most
 * @param leastMs - where the axis begins, about
 *
 * @example
 * timeTicks(800_000, 4).stepMs // => 300_000
 */
export function timeTicks(mostMs: number, parts: number, leastMs = 0): TimeTicks {
  const least = (mostMs - leastMs) / Math.max(1, parts)
  const onClock = CLOCK_STEPS.find((step) => step >= least)
  const stepMs = least <= SECOND / 2 ? decimal(least) : (onClock ?? decimal(least / DAY) * DAY)
  const [sizeMs, name] = unitOf(stepMs, mostMs)
  const maximumFractionDigits = Math.max(0, Math.ceil(-Math.log10(stepMs / sizeMs) - 1e-9))
  return {
    stepMs,
    format: (ms) => {
      if (ms === 0) return '0'
      if (ms === DAY && sizeMs === DAY) return '1 day'
      return `${(ms / sizeMs).toLocaleString('en-US', { maximumFractionDigits })} ${name}`
    },
  }
}

function unitOf(stepMs: number, mostMs: number): readonly [sizeMs: number, name: string] {
  if (stepMs >= DAY) return [DAY, 'days']
  if (stepMs >= HOUR) return [HOUR, 'h']
  if (stepMs >= MINUTE) return [MINUTE, 'min']
  if (stepMs >= SECOND || mostMs >= 2 * SECOND) return [SECOND, 's']
  return [1, 'ms']
}

/** The next of 1, 2, 5, 10, .... */
function decimal(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least) + 1e-9)
  const step = [1, 2, 5, 10].find((each) => each * power >= least * (1 - 1e-9)) ?? 10
  return Number((step * power).toPrecision(3))
}
