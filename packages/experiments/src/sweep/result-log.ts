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
  /** Equal for runs with equal results. */
  readonly key: string
  /** Equal for runs that differ in their seed alone. */
  readonly row: string
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
    let number = 0
    for await (const line of file.readLines({ encoding: 'utf8' })) {
      number++
      const value = parsed(line)
      const shard = parseShardLine(line)
      if (isRecord(value)) records.push(value)
      else if (line.startsWith(RECORD_START) && value !== undefined) throw notARun(path, number)
      else if (shard !== undefined) shards.add(shard)
      else if (line.trim() !== '') {
        isForeign ||= !mayBeTorn(line)
        tornLines++
      }
    }
  } catch (cause) {
    if (cause instanceof RouteSimError) throw cause
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

/** What no crash leaves: a whole line that lacks what every run has. */
function notARun(path: string, line: number): RouteSimError<ExperimentsErrorCode> {
  return new RouteSimError(
    `${path}:${line}: expected a run of a sweep, got one that lacks fields`,
    {
      code: 'log_unreadable',
      path,
      hint: 'Was it edited, or written by something else? Take the line out; --resume does the run again.',
    },
  )
}

/** The JSON of a line; undefined when it is none. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is ResultRecord {
  if (!isTable(value)) return false
  const { key, version, algorithm, run, runs, seed, rate, settings, status, result, error } = value
  return (
    [key, version, algorithm].every((text) => typeof text === 'string') &&
    [run, runs, seed, rate ?? 0].every((number) => typeof number === 'number') &&
    isTable(settings) &&
    ((status === 'ok' && isTable(result) && isTable(result['ttft'])) ||
      (status === 'failed' && isTable(error) && typeof error['message'] === 'string'))
  )
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
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
