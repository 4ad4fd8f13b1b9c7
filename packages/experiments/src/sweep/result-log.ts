import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RouteSimError, whyUnwritable } from '@routesim/core'
import type { RunSummary } from '@routesim/metrics'
import { whyUnreadable } from '../config/why-unreadable.js'
import type { ExperimentsErrorCode } from '../errors.js'
import type { Settings } from './design.js'

/** How every line begins: the key is the first of its fields. */
const RECORD_START = '{"key":'

/** How the line begins that tells which part of a sweep a log is of. */
const SHARD_START = '{"shard":'

/** One run of a sweep, as a line of a result log. */
export type ResultRecord = ResultPlace & (FinishedRun | FailedRun)

/** Which run of a sweep it was. */
export interface ResultPlace {
  /** Equal for runs with equal results; see `pointKey`. */
  readonly key: string
  /** Version of RouteSim and of the layout. */
  readonly version: string
  /** Position in the sweep, and runs of it in all. */
  readonly run: number
  readonly runs: number
  readonly settings: Settings
  /** Requests per second, of sweeps over rates. */
  readonly rate: number | null
  readonly algorithm: string
  readonly seed: number
}

/** A run that came to its end. */
export interface FinishedRun {
  readonly status: 'ok'
  readonly result: RunSummary
}

/** One that ended in an error. */
export interface FailedRun {
  readonly status: 'failed'
  readonly error: { readonly code: string | null; readonly message: string }
}

/** What stands in a result log. */
export interface LogContent {
  readonly records: readonly ResultRecord[]
  /** The part of the sweep that it was begun for, as i/n; undefined for a whole one, or several parts in one file. */
  readonly shard?: string | undefined
  /** Lines that are no record: torn by a crash while they were written. */
  readonly tornLines: number
}

/**
 * Reads a result log. A line that was torn when its process was killed is counted and left out.
 * @throws RouteSimError `log_unreadable`, also for a file that is none
 */
export async function readResultLog(path: string): Promise<LogContent> {
  const records: ResultRecord[] = []
  const shards = new Set<string>()
  let tornLines = 0
  let isForeign = false
  try {
    const file = await open(path)
    for await (const line of file.readLines({ encoding: 'utf8' })) {
      const record = parseRecord(line)
      const shard = record === undefined ? parseShardLine(line) : undefined
      if (record !== undefined) records.push(record)
      else if (shard !== undefined) shards.add(shard)
      else if (line.trim() !== '') {
        isForeign ||= !mayBeTorn(line)
        tornLines++
      }
    }
  } catch (cause) {
    throw failed('log_unreadable', path, whyUnreadable(cause), cause)
  }
  if (records.length === 0 && isForeign) throw notALog(path)
  const [shard] = shards
  return { records, tornLines, shard: shards.size === 1 ? shard : undefined }
}

/** Whether a line begins as those of logs do, or is what a crash leaves of a page. */
function mayBeTorn(line: string): boolean {
  const isOurs = (start: string): boolean => line.startsWith(start) || start.startsWith(line)
  return isOurs(RECORD_START) || isOurs(SHARD_START) || line.startsWith('\0')
}

function notALog(path: string): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${path}: expected a result log (JSON lines), got something else`, {
    code: 'log_unreadable',
    path,
    hint: 'Name a log that routesim sweep --log has written, or a new file.',
  })
}

/** The record of a line; undefined when it is none. */
function parseRecord(line: string): ResultRecord | undefined {
  try {
    const value: unknown = JSON.parse(line)
    const isRecord = typeof value === 'object' && value !== null && 'key' in value && 'run' in value
    return isRecord && 'status' in value ? (value as ResultRecord) : undefined
  } catch {
    return undefined
  }
}

/** The part that a line tells; undefined when it is of another kind. */
function parseShardLine(line: string): string | undefined {
  const [, shard] = /^\{"shard":"(\d+\/\d+)"\}$/.exec(line) ?? []
  return shard
}

/**
 * Appends runs to a result log, each with one write that is on the disk when it returns. Whatever
 * happens to the process, the lines before stay whole; nothing is ever rewritten.
 */
export class ResultLog {
  private readonly file: number
  private readonly path: string

  /** @throws RouteSimError `log_failed` */
  constructor(path: string) {
    this.path = path
    try {
      this.file = openSync(path, 'a+')
      // The torn line of a process that was killed ends here, and does not run into the next.
      if (!endsWithNewline(this.file)) this.write('\n')
    } catch (cause) {
      throw failed('log_failed', path, whyUnwritable(dirname(path), cause), cause)
    }
  }

  /**
   * Tells which part of a sweep the log is of. @param shard - as i/n
   * @throws RouteSimError `log_failed`
   */
  begin(shard: string): void {
    this.appendLine({ shard })
  }

  /** @throws RouteSimError `log_failed`, when the disk is full for example */
  append(record: ResultRecord): void {
    this.appendLine(record)
  }

  close(): void {
    closeSync(this.file)
  }

  private appendLine(value: object): void {
    try {
      this.write(`${JSON.stringify(value)}\n`)
    } catch (cause) {
      throw failed('log_failed', this.path, (cause as Error).message, cause)
    }
  }

  private write(text: string): void {
    const bytes = Buffer.from(text)
    for (let from = 0; from < bytes.length; ) from += writeSync(this.file, bytes, from)
    fsyncSync(this.file)
  }
}

function endsWithNewline(file: number): boolean {
  const { size } = fstatSync(file)
  if (size === 0) return true
  const last = Buffer.alloc(1)
  readSync(file, last, 0, 1, size - 1)
  return last[0] === 0x0a
}

function failed(
  code: ExperimentsErrorCode,
  path: string,
  why: string,
  cause: unknown,
): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(`${path}: ${why}`, { code, path, cause })
}
