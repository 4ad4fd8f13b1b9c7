import { isDeepStrictEqual } from 'node:util'
import type { RunSummary } from '@routesim/metrics'
import { fewRequests, fewRequestsNote, moreRequestsNote } from '../notes/few-requests.js'
import {
  longEnoughSec,
  longerTrafficNote,
  shortTraffic,
  shortTrafficNote,
} from '../notes/short-traffic.js'
import type { Search } from './capacity-search.js'

/** Why traffic is too short for what was found with it. */
export interface Shortage {
  /** Seconds of it that would do. */
  readonly enoughSec: number
  /** Says that it is too short. @param isOpen - whether it could be generated for longer */
  note(isOpen: boolean): string
  /** Says that it was generated for longer. */
  lengthenedNote(askedSec: number, durationSec: number): string
}

/** What the traffic at the borders of some searches is too short for. */
export function shortagesOf(searches: readonly Search[], attainment: number): Shortage[] {
  const short = shortTraffic(searches.flatMap((search) => runsAtBorder(search, [])))
  const [few] = searches
    .flatMap(
      (search) => fewRequests(runsAtBorder(search, search.tried.at(-1)!.runs), attainment) ?? [],
    )
    .sort((a, b) => a.requests - b.requests)
  return [
    ...(short === undefined
      ? []
      : [
          {
            enoughSec: longEnoughSec(short),
            note: () => shortTrafficNote(short),
            lengthenedNote: longerTrafficNote,
          },
        ]),
    ...(few === undefined
      ? []
      : [
          {
            enoughSec: few.enoughSec,
            note: (isOpen: boolean) =>
              fewRequestsNote(few, attainment, isOpen ? ` (--duration ${few.enoughSec})` : ''),
            lengthenedNote: (askedSec: number, durationSec: number) =>
              moreRequestsNote(attainment, askedSec, durationSec),
          },
        ]),
  ]
}

/** The runs at the nearest value that meets the targets, or others where none does. */
function runsAtBorder(
  { bracket, tried }: Search,
  others: readonly RunSummary[],
): readonly RunSummary[] {
  const { meets } = bracket.border
  return tried.find(({ value }) => isDeepStrictEqual(value, meets))?.runs ?? others
}
