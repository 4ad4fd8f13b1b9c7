import { UsageError } from '../usage-error.js'

/** A rate or a length of traffic beyond this is a slip of the pen, to generators and configs too. */
export const MOST = 1e9
/** Bounds from here on are told only to who goes beyond them. */
const FAR = 2 ** 31 - 1
const MOST_SEEDS = 10_000

/**
 * @param option - without its dashes; one that was not given is fine
 * @throws UsageError
 */
export function checkInteger(
  option: string,
  value: number | undefined,
  from: number,
  to: number = Number.MAX_SAFE_INTEGER,
): void {
  if (value === undefined || (Number.isInteger(value) && value >= from && value <= to)) return
  const isBounded = to < FAR || value > to
  const bounds = isBounded ? `from ${from} to ${to}` : `>= ${from}`
  throw new UsageError(`--${option}: expected an integer ${bounds}, got ${value}`)
}

/** @throws UsageError */
export function checkPositive(option: string, value: number | undefined): void {
  if (value === undefined || (value > 0 && value <= MOST)) return
  throw new UsageError(`--${option}: expected a number ${aboveZero(value)}, got ${value}`)
}

/** What a number that is not above 0, or too far above it, should be. */
export function aboveZero(value: number): string {
  return value > MOST ? `> 0 and <= ${MOST}` : '> 0'
}

/** As many runs with consecutive seeds have room above it. @throws UsageError */
export function checkSeed(seed: number | undefined): void {
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER - MOST_SEEDS)
}

/** @throws UsageError */
export function checkSeeds(seeds: number | undefined): void {
  checkInteger('seeds', seeds, 1, MOST_SEEDS)
}

/** @throws UsageError */
export function checkBlockSize(tokens: number | undefined): void {
  checkInteger('block-size', tokens, 1, FAR)
}
