import { closestName, RouteSimError } from '@routesim/core'
import type { HardwareErrorCode } from '../errors/hardware-error-code.js'

/** An entry of a catalogue. */
interface Named {
  readonly name: string
  readonly aliases: readonly string[]
}

/**
 * The entry of a name or alias; case, spaces, `-` and `_` make no difference.
 * @param noun - what error messages call an entry
 * @param mayMean - whether a name can be a slip for another; any name that is near when absent
 * @throws RouteSimError with the code given, and a known name that begins so, or the nearest
 */
export function findByName<Entry extends Named>(
  entries: readonly Entry[],
  name: string,
  noun: string,
  code: HardwareErrorCode,
  mayMean: (name: string, other: string) => boolean = () => true,
): Entry {
  const wanted = fold(name)
  const known = entryNamed(entries, name)
  if (known !== undefined) return known
  const names = entries.flatMap(namesOf)
  const begun = names.find((other) => wanted !== '' && fold(other).startsWith(wanted))
  const near = names.filter((other) => mayMean(name, other))
  const nearest = begun ?? closestName(name, near)
  const meant = entries.find((entry) => nearest !== undefined && namesOf(entry).includes(nearest))
  const suggestion = meant === undefined ? '' : `: did you mean "${meant.name}"?`
  const all = entries.map((entry) => entry.name).join(', ')
  throw new RouteSimError<HardwareErrorCode>(
    `unknown ${noun} "${name}"${suggestion || '.'} Known: ${all}`,
    { code },
  )
}

/** The entry of a name or alias, if there is one. */
export function entryNamed<Entry extends Named>(
  entries: readonly Entry[],
  name: string,
): Entry | undefined {
  const wanted = fold(name)
  return entries.find((entry) => namesOf(entry).some((other) => fold(other) === wanted))
}

/**
 * Whether names differ in no number but by a slip: where numbers tell sizes and generations, as with GPUs and models,
 * another number is another thing. A digit typed twice is a slip, and so is one by which the number hardly changes.
 */
export function haveLikeNumbers(name: string, other: string): boolean {
  const numbers = numbersOf(name)
  const others = numbersOf(other)
  return (
    numbers.length === others.length && numbers.every((number, i) => areLike(number, others[i]!))
  )
}

const MOST_SLIP = 0.02

function areLike(a: string, b: string): boolean {
  const once = (digits: string): string => digits.replace(/(.)\1+/g, '$1')
  return once(a) === once(b) || Math.abs(Number(a) - Number(b)) <= MOST_SLIP * Number(b)
}

function numbersOf(name: string): string[] {
  return name.match(/\d+/g) ?? []
}

function namesOf(entry: Named): string[] {
  return [entry.name, ...entry.aliases]
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}
