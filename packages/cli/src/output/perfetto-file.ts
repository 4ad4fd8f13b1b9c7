import { closeSync, openSync, writeSync } from 'node:fs'
import type { RunObserver } from '@routesim/experiments'
import { outputFailed } from './write-results.js'

/** Text is written in pieces of this many characters. */
const PIECE = 1 << 16
/** Some 80 MB, which the viewer opens with ease. */
const MOST_EVENTS = 500_000

/** A timeline file that is being written. */
export interface PerfettoFile {
  readonly observer: RunObserver
  /** Closes the file and says what is in it. */
  close(): void
}

/**
 * Opens a file that takes the timeline of a run as it goes on, in bounded memory.
 * @throws RouteSimError `output_failed`
 */
export async function openPerfetto(path: string): Promise<PerfettoFile> {
  const { TraceEvents } = await import('@routesim/report')
  const handle = attempt(path, () => openSync(path, 'w'))
  let pending = ''
  const flush = (): void => {
    attempt(path, () => writeSync(handle, pending))
    pending = ''
  }
  const events = new TraceEvents({
    mostEvents: MOST_EVENTS,
    write: (text) => {
      pending += text
      if (pending.length >= PIECE) flush()
    },
  })
  return {
    observer: events,
    close: () => {
      flush()
      closeSync(handle)
      console.error(`Wrote ${path}; open it at https://ui.perfetto.dev`)
      if (events.omitted > 0) {
        console.error(
          `note: ${path} has the first ${MOST_EVENTS} events, without ${events.omitted}`,
        )
      }
    },
  }
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    throw outputFailed(path, cause)
  }
}
