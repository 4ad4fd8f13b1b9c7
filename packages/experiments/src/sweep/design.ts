import { RandomStream, RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'

/** A value of a config key. */
export type Setting = number | string | boolean

/** Values between two ends. */
export interface SettingRange {
  readonly from: number
  readonly to: number
  /** Values of a grid, both ends among them. */
  readonly steps?: number | undefined
  /** How values are spread: `linear` by default, `log` in equal ratios. */
  readonly scale?: 'linear' | 'log' | undefined
  /** Whether values are whole numbers. */
  readonly integer?: boolean | undefined
}

/** What a config key goes through. */
export type Axis = readonly Setting[] | SettingRange

/** How points are chosen: every combination, at random, or at random with every axis covered evenly. */
export type Sampling = 'grid' | 'random' | 'latin_hypercube'

/** Settings by config path. */
export type Settings = Readonly<Record<string, Setting>>

/** What {@link designPoints} takes. */
export interface Design {
  readonly axes: Readonly<Record<string, Axis>>
  readonly sampling: Sampling
  /** How many, unless a grid. */
  readonly points?: number | undefined
  /** Of the sample. */
  readonly seed: number
}

const MOST_POINTS = 1_000_000

/**
 * The points of a sweep, in order: of a grid, the last axis changes fastest.
 * @throws RouteSimError `sweep_invalid`
 */
export function designPoints({ axes, sampling, points, seed }: Design): Settings[] {
  const named = Object.entries(axes)
  for (const [path, axis] of named) checkAxis(path, axis)
  if (sampling === 'grid') {
    if (points !== undefined) throw invalid('points', 'expected none for a grid', points)
    return grid(named)
  }
  if (points === undefined) {
    const hint = 'Give --points 100, or points in the [sweep] section.'
    throw invalid('sampling', `expected points beside ${sampling}`, 'none', { hint })
  }
  if (!(Number.isInteger(points) && points >= 1 && points <= MOST_POINTS)) {
    throw invalid('points', `expected an integer from 1 to ${MOST_POINTS} for a sample`, points)
  }
  const columns = named.map(([path, axis]) => {
    const random = new RandomStream(seed, `sweep ${path}`)
    const shares =
      sampling === 'random'
        ? Array.from({ length: points }, () => random.float())
        : stratified(points, random)
    return [path, shares.map((share) => valueAt(axis, share))] as const
  })
  return Array.from({ length: points }, (_, i) =>
    Object.fromEntries(columns.map(([path, values]) => [path, values[i]!])),
  )
}

function grid(axes: readonly (readonly [string, Axis])[]): Settings[] {
  const columns = axes.map(([path, axis]) => [path, gridValues(path, axis)] as const)
  const count = columns.reduce((product, [, values]) => product * values.length, 1)
  if (count > MOST_POINTS) throw invalid('set', `expected at most ${MOST_POINTS} points`, count)
  return columns.reduce<Settings[]>(
    (sofar, [path, values]) =>
      sofar.flatMap((settings) => values.map((value) => ({ ...settings, [path]: value }))),
    [{}],
  )
}

function gridValues(path: string, axis: Axis): readonly Setting[] {
  if (isList(axis)) return axis
  const { steps } = axis
  if (steps === undefined) {
    throw invalid('set', 'expected steps for a grid, or another sample than a grid', 'none', {
      path,
    })
  }
  return Array.from({ length: steps }, (_, i) => between(axis, i / (steps - 1)))
}

/** One value in each of as many equal parts, in random order. */
function stratified(points: number, random: RandomStream): number[] {
  const shares = Array.from({ length: points }, (_, i) => (i + random.float()) / points)
  for (let i = points - 1; i > 0; i--) {
    const j = Math.floor(random.float() * (i + 1))
    const swapped = shares[i]!
    shares[i] = shares[j]!
    shares[j] = swapped
  }
  return shares
}

/** The value of an axis at a share of its way, from 0 to 1: neither end of a list or of whole numbers comes less often. */
export function valueAt(axis: Axis, share: number): Setting {
  if (isList(axis)) return axis[Math.min(axis.length - 1, Math.floor(share * axis.length))]!
  if (axis.integer !== true) return between(axis, share)
  // Rounded, the ends would come half as often as what lies between them.
  const [from, to] = [Math.ceil(axis.from), Math.floor(axis.to)]
  return Math.min(to, Math.floor(between({ ...axis, from, to: to + 1, integer: false }, share)))
}

/** The value of a range at a share of its way, from 0 to 1. */
function between({ from, to, scale, integer }: SettingRange, share: number): number {
  const value = scale === 'log' ? from * (to / from) ** share : from + (to - from) * share
  // Ends are what was written, and no digits are made up between them.
  const exact = share === 0 ? from : share === 1 ? to : Number(value.toPrecision(12))
  return integer === true ? Math.round(exact) : exact
}

function checkAxis(path: string, axis: Axis): void {
  if (isList(axis)) {
    if (axis.length === 0) throw invalid('set', 'expected at least one value', 'none', { path })
    return
  }
  const { from, to, steps, scale } = axis
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
    throw invalid('set', 'expected numbers, from below to', `${from} and ${to}`, { path })
  }
  if (scale === 'log' && from <= 0)
    throw invalid('set', 'expected from > 0 on a log scale', from, { path })
  if (steps !== undefined && !(Number.isInteger(steps) && steps >= 2)) {
    throw invalid('set', 'expected steps to be an integer >= 2', steps, { path })
  }
}

function isList(axis: Axis): axis is readonly Setting[] {
  return Array.isArray(axis)
}

/** @param path - the config key whose values are wrong */
function invalid(
  option: 'set' | 'sampling' | 'points',
  expected: string,
  found: unknown,
  { path, hint }: { readonly path?: string; readonly hint?: string } = {},
): RouteSimError<ExperimentsErrorCode> {
  const where = path === undefined ? option : `${option} ${path}`
  return new RouteSimError(`${where}: ${expected}, got ${found}`, {
    code: 'sweep_invalid',
    path: option,
    ...(hint !== undefined && { hint }),
  })
}
