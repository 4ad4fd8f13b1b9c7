import type { ResultPlace } from './result-log.js'

/** Equal for runs that are one row and seed of a table. */
export function placeName({ settings, rate, algorithm, seed }: ResultPlace): string {
  return JSON.stringify([settings, rate, algorithm, seed])
}

/** Equal for runs that are one row of a table. */
export function rowName({ settings, rate, algorithm }: ResultPlace): string {
  return JSON.stringify([settings, rate, algorithm])
}

/** Whether a record stands where it would stand if it were of the sweep of that place. */
export function isAt(record: ResultPlace, place: ResultPlace): boolean {
  const { run, runs } = record
  return run === place.run && runs === place.runs && placeName(record) === placeName(place)
}

/** The place as messages name it. */
export function placeInWords({ settings, rate, algorithm, seed }: ResultPlace): string {
  const set = Object.entries(settings).map(([path, value]) => `${path} ${value}`)
  return [algorithm, ...set, ...(rate === null ? [] : [`rate ${rate}`]), `seed ${seed}`].join(', ')
}
