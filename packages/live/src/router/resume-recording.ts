import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import type { LiveErrorCode } from '../live-error-code.js'

/** Bytes at the end of a recording that are looked at: more than any line has. */
const TAIL_BYTES = 2 ** 24
const LF = 0x0a

/** Where a recording goes on that a router before this one began. */
export interface Resumed {
  /** Time of the recording now, in ms: it stood still as long as nobody recorded. */
  readonly nowMs: number
  /** Bytes of a last line that was not written to its end, and is gone. */
  readonly cutBytes: number
}

/**
 * Prepares a file for more lines, so that the next is a line of its own.
 *
 * @returns undefined where there is nothing to go on with: no file, an empty one, or no file on a disk
 * @throws RouteSimError `record_failed` when something else than a recording stands there; it is left as it is
 */
export async function resumeRecording(path: string): Promise<Resumed | undefined> {
  const file = await opened(path)
  if (file === undefined) return undefined
  try {
    const stats = await file.stat()
    if (!stats.isFile() || stats.size === 0) return undefined
    const length = Math.min(stats.size, TAIL_BYTES)
    const { buffer: tail } = await file.read(Buffer.alloc(length), 0, length, stats.size - length)
    const end = tail.lastIndexOf(LF) + 1
    const start = end < 2 ? 0 : tail.lastIndexOf(LF, end - 2) + 1
    const endMs = end === 0 ? beginOf(tail) : endOf(tail.toString('utf8', start, end))
    if (endMs === undefined) throw noRecording(path)
    const cutBytes = length - end
    if (cutBytes > 0) await file.truncate(stats.size - cutBytes)
    return { nowMs: endMs + Math.max(0, Date.now() - stats.mtimeMs), cutBytes }
  } finally {
    await file.close()
  }
}

/** Undefined when there is none, or when it can not be read and written; who writes to it will say why. */
async function opened(path: string): Promise<FileHandle | undefined> {
  try {
    // A pipe would have it wait for a reader.
    return await open(path, constants.O_RDWR | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

/** When the request of a line ended, which is when it was written; undefined when it is no line of a recording. */
function endOf(line: string): number | undefined {
  try {
    const { ts, e2e_ms: e2eMs } = JSON.parse(line) as Record<string, unknown>
    return typeof ts === 'number' && typeof e2eMs === 'number' ? ts + e2eMs : undefined
  } catch {
    return undefined
  }
}

/** A file that is one line without an end may be the beginning of a recording. */
function beginOf(bytes: Buffer): number | undefined {
  return bytes.toString('utf8', 0, 6) === '{"ts":' ? 0 : undefined
}

function noRecording(path: string): RouteSimError<LiveErrorCode> {
  return new RouteSimError(
    `can not record to ${path}: expected a recording to go on with, or no file, found something else`,
    { code: 'record_failed', path, hint: 'Name another file, or move that one away.' },
  )
}
