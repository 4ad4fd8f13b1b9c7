const STEPS = [1, 2, 5, 10] as const
/** More decades than this have room for their powers only. */
const MOST_DECADES = 3

/** Bounds and labelled values of a logarithmic axis that leaves little room at its ends. */
export interface LogTicks {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
}

/**
 * Values 1, 2, 5, 10, ... around a range; over many decades 1, 10, 100, ....
 * @param least - above 0
 *
 * @example
 * logTicks(30, 400) // => { min: 20, max: 500, ticks: [20, 50, 100, 200, 500] }
 */
export function logTicks(least: number, most: number): LogTicks {
  const down = STEPS.findLast((step) => step * powerOf(least) <= least * (1 + 1e-9)) ?? 1
  const up = STEPS.find((step) => step * powerOf(most) >= most * (1 - 1e-9)) ?? 10
  const min = down * powerOf(least)
  const max = up * powerOf(most)
  const decades = Math.log10(max / min)
  const steps = decades > MOST_DECADES ? [1] : [1, 2, 5]
  const ticks: number[] = []
  for (let exponent = Math.floor(Math.log10(min)); 10 ** exponent <= max; exponent++) {
    for (const step of steps) {
      const tick = Number((step * 10 ** exponent).toPrecision(3))
      if (tick >= min * (1 - 1e-9) && tick <= max * (1 + 1e-9)) ticks.push(tick)
    }
  }
  return { min: Number(min.toPrecision(3)), max: Number(max.toPrecision(3)), ticks }
}

function powerOf(value: number): number {
  return 10 ** Math.floor(Math.log10(value) + 1e-9)
}
