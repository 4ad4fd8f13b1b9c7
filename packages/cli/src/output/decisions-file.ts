import { closeSync, openSync, writeSync } from 'node:fs'
import type { RunObserver } from '@routesim/experiments'
import type { Options } from 'yargs'
import { UsageError } from '../usage-error.js'
import { decisionJson } from './decision-json.js'
import { thousands } from './thousands.js'
import { outputFailed } from './write-results.js'

/** Text is written in pieces of this many characters. */
const PIECE = 1 << 16

/** The option of `run` and `compare`. */
export const DECISIONS: Options = {
  type: 'string',
  requiresArg: true,
  describe: 'Write every decision with scores, what was believed and what was so (JSON lines)',
}

/** A file of decisions that is being written. */
export interface DecisionsFile {
  readonly observer: RunObserver
  /** Closes the file and says what is in it. */
  close(): void
}

/**
 * The file that the options ask for, if they do.
 * @throws UsageError when nothing is kept per request; RouteSimError `output_failed`
 */
export function decisionsFile(
  path: string | undefined,
  keepsRequests: boolean,
): DecisionsFile | undefined {
  if (path === undefined) return undefined
  if (!keepsRequests) {
    throw new UsageError('--decisions: not with --no-per-request, which keeps nothing to show')
  }
  return openDecisions(path)
}

/**
 * Opens a file that takes every decision of a run, or of several, as one line of JSON, in bounded memory.
 * @throws RouteSimError `output_failed`
 */
function openDecisions(path: string): DecisionsFile {
  const handle = attempt(path, () => openSync(path, 'w'))
  let pending = ''
  let count = 0
  const flush = (): void => {
    const text = pending
    pending = ''
    attempt(path, () => writeSync(handle, text))
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
      console.error(`Wrote ${path}: ${thousands(count)} decisions`)
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
