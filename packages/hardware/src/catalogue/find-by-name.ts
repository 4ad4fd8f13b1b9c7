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
 * @throws RouteSimError with the code given, and a known name that begins so, or the nearest
 */
export function findByName<Entry extends Named>(
  entries: readonly Entry[],
  name: string,
  noun: string,
  code: HardwareErrorCode,
): Entry {
  const wanted = fold(name)
  const known = entries.find((entry) => namesOf(entry).some((other) => fold(other) === wanted))
  if (known !== undefined) return known
  const names = entries.flatMap(namesOf)
  const begun = names.find((other) => wanted !== '' && fold(other).startsWith(wanted))
  const nearest = begun ?? closestName(name, names)
  const meant = entries.find((entry) => nearest !== undefined && namesOf(entry).includes(nearest))
  const suggestion = meant === undefined ? '' : `: did you mean "${meant.name}"?`
  const all = entries.map((entry) => entry.name).join(', ')
  throw new RouteSimError<HardwareErrorCode>(
    `unknown ${noun} "${name}"${suggestion || '.'} Known: ${all}`,
    { code },
  )
}

function namesOf(entry: Named): string[] {
  return [entry.name, ...entry.aliases]
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}
