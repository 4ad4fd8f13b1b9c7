import type { RouterDefinition, RouterParameter } from '@routesim/algorithms'
import { closestName, RouteSimError } from '@routesim/core'
import type { ExperimentsErrorCode } from '../errors.js'
import { type Axis, type Setting, type SettingRange, valueAt } from '../sweep/design.js'
import { searchInvalid } from './search-options.js'

/** Without a bound, a parameter is tried from its default over this to its default times this. */
const FACTOR = 32
/** Where a parameter that is 0 by default and has no upper bound is tried, beside 0. */
const SMALL = 0.01
const LARGE = 100
/** Bounds farther apart than this are gone through in equal ratios. */
const WIDE = 100
/** Part of the way that is 0, where 0 is allowed and the rest is gone through in equal ratios. */
const ZERO_SHARE = 0.1

/** One parameter that is tuned. */
export interface Dimension {
  readonly name: string
  readonly initial: Setting
  /** Values of one that is chosen from a list; undefined for a range. */
  readonly values: readonly Setting[] | undefined
  /** Ends of a range; of a list, its values in words. */
  readonly range: string
  /** The value at a share of the way, from 0 to 1. */
  at(share: number): Setting
  /** The share of the way at which a value lies. */
  shareOf(value: Setting): number
}

/** Values of the tuned parameters by name. */
export type Point = Readonly<Record<string, Setting>>

/** What {@link tuneSpace} takes. */
export interface SpaceOptions {
  readonly definition: RouterDefinition
  /** Values of all parameters before tuning. */
  readonly initial: Point
  /** Parameters that stay as they are. */
  readonly fixed: ReadonlySet<string>
  /** Parameters to tune; all that can be by default. */
  readonly only: readonly string[] | undefined
  /** Where to look, instead of what the definition allows. */
  readonly ranges: Readonly<Record<string, Axis>>
}

/**
 * The parameters of a router that can be tuned, each with where to look: the range that its definition
 * allows, cut where that has no end.
 *
 * @throws RouteSimError `search_invalid`
 */
export function tuneSpace(options: SpaceOptions): Dimension[] {
  const { definition, initial, fixed, only, ranges } = options
  const { parameters } = definition
  checkNames('only', only ?? [], definition)
  checkNames('ranges', Object.keys(ranges), definition)
  for (const [name, axis] of Object.entries(ranges)) checkWithin(name, axis, options)
  const dimensions = Object.entries(parameters).flatMap(([name, parameter]): Dimension[] => {
    if (only === undefined ? fixed.has(name) && ranges[name] === undefined : !only.includes(name)) {
      return []
    }
    const axis = ranges[name] ?? axisOf(parameter)
    return axis === undefined ? [] : [dimension(name, initial[name]!, axis, parameter)]
  })
  if (dimensions.length > 0) return dimensions
  throw searchInvalid('algorithm', 'one with a parameter to tune', `${definition.name} without any`)
}

function checkNames(
  option: 'only' | 'ranges',
  given: readonly string[],
  { name: router, parameters }: RouterDefinition,
): void {
  const names = Object.keys(parameters)
  const unknown = given.find((name) => !Object.hasOwn(parameters, name))
  if (unknown === undefined) return
  const near = closestName(unknown, names)
  const known = names.length === 0 ? 'It has none.' : `It has ${names.join(', ')}.`
  const hint = near === undefined ? known : `Did you mean "${near}"?`
  throw searchInvalid(option, `a parameter of ${router}`, `"${unknown}"`, hint)
}

/** Tries the ends of a range, or the values of a list, on the definition, which knows what it allows. */
function checkWithin(name: string, axis: Axis, { definition, initial }: SpaceOptions): void {
  for (const value of isList(axis) ? axis : [axis.from, axis.to]) {
    try {
      definition.create({ ...initial, [name]: value })
    } catch (error) {
      if (!(error instanceof RouteSimError) || error.code !== 'parameter_invalid') throw error
      const message = error.message.replace(error.path ?? '', `ranges ${name}`)
      throw new RouteSimError<ExperimentsErrorCode>(message, {
        code: 'search_invalid',
        path: 'ranges',
        cause: error,
      })
    }
  }
}

/** Undefined for any text: there is nothing to choose from. */
function axisOf(parameter: RouterParameter): Axis | undefined {
  if (typeof parameter.default === 'boolean') return [false, true]
  if (typeof parameter.default === 'string')
    return 'choices' in parameter ? parameter.choices : undefined
  const { default: initial, ...bounds } = parameter as {
    default: number
    min?: number
    max?: number
    integer?: boolean
  }
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds
  const integer = bounds.integer === true
  if (Number.isFinite(min) && Number.isFinite(max)) {
    const scale = min > 0 && max / min > WIDE ? 'log' : 'linear'
    return { from: min, to: max, scale, integer }
  }
  if (initial < 0) return { from: Math.max(min, initial * 2), to: Math.min(max, 0), integer }
  const least = integer ? 1 : initial > 0 ? initial / FACTOR : SMALL
  const from = Math.max(min, least)
  const to = Math.min(
    max,
    initial > 0 ? Math.max(initial * FACTOR, from * 2) : Math.max(LARGE, from * 2),
  )
  return { from, to, scale: 'log', integer }
}

function dimension(
  name: string,
  initial: Setting,
  axis: Axis,
  parameter: RouterParameter,
): Dimension {
  if (isList(axis)) {
    const values = axis.includes(initial) ? axis : [initial, ...axis]
    return {
      ...{ name, initial, values, range: values.join(', ') },
      at: (share) => valueAt(values, share),
      shareOf: (value) => (values.indexOf(value) + 0.5) / values.length,
    }
  }
  checkRange(name, axis)
  const { from, to, scale, integer } = axis
  const least = 'min' in parameter ? parameter.min : undefined
  const hasZero = scale === 'log' && least === 0
  // A whole number stands for the way from it to the next, and lies in the middle of it.
  const [end, middle] = integer === true ? [to + 1, 0.5] : [to, 0]
  const spread = (value: number): number =>
    scale === 'log'
      ? Math.log((value + middle) / from) / Math.log(end / from)
      : (value + middle - from) / (end - from)
  const clamped = (share: number): number => Math.min(1, Math.max(0, share))
  return {
    ...{ name, initial, values: undefined },
    range: `${hasZero ? '0, ' : ''}${from} to ${to}${scale === 'log' ? ' by ratio' : ''}`,
    at(share) {
      if (!hasZero) return valueAt(axis, clamped(share))
      return share < ZERO_SHARE
        ? 0
        : valueAt(axis, clamped((share - ZERO_SHARE) / (1 - ZERO_SHARE)))
    },
    shareOf(value) {
      const number = Number(value)
      if (!hasZero) return clamped(spread(number))
      return number <= 0 ? 0 : ZERO_SHARE + (1 - ZERO_SHARE) * clamped(spread(number))
    },
  }
}

function checkRange(name: string, { from, to, scale }: SettingRange): void {
  const invalid = (expected: string, found: unknown) =>
    searchInvalid('ranges', expected, found, undefined, name)
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
    throw invalid('a range from below to', `${from} to ${to}`)
  }
  if (scale === 'log' && from <= 0) throw invalid('a range above 0 by ratio', from)
}

function isList(axis: Axis): axis is readonly Setting[] {
  return Array.isArray(axis)
}
