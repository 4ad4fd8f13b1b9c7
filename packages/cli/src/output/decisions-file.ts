import { closeSync, openSync, writeSync } from 'node:fs'
import type { RunObserver } from '@routesim/experiments'
import { decisionJson } from './decision-json.js'
import { outputFailed } from './write-results.js'

/** Text is written in pieces of this many characters. */
const PIECE = 1 << 16

/** A file of decisions that is being written. */
export interface DecisionsFile {
  readonly observer: RunObserver
  /** Closes the file and says what is in it. */
  close(): void
}

/**
 * Opens a file that takes every decision of a run, or of several, as one line of JSON, in bounded memory.
 * @throws RouteSimError `output_failed`
 */
export function openDecisions(path: string): DecisionsFile {
  const handle = attempt(path, () => openSync(path, 'w'))
  let pending = ''
  let count = 0
  const flush = (): void => {
    attempt(path, () => writeSync(handle, pending))
    pending = ''
  }
  return {
    observer: {
      decided: (decision, { algorithm, seed }) => {
        count++
        pending += `${JSON.stringify({ seed, ...decisionJson(decision, algorithm) })}\n`
        if (pending.length >= PIECE) flush()
      },
    },
    close: () => {
      flush()
      closeSync(handle)
      console.error(`Wrote ${path}: ${count.toLocaleString('en-US')} decisions`)
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
