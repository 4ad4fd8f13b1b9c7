import { RouteSimError } from '@routesim/core'
import { TraceColumns } from '../columns/trace-columns.js'
import type { HashedBlocks, TraceRecord } from '../columns/trace-record.js'
import { traceError } from '../errors/trace-error.js'
import { MisspelledKeys } from './misspelled-keys.js'

const MESSAGES_KEPT = 5

/** What was left out of a trace, and why. */
export interface SkippedRecords {
  readonly count: number
  /** The first few errors, each with its place. */
  readonly messages: readonly string[]
}

/** Gathers the records of one trace; what is wrong with one either ends the read or is counted. */
export class RecordCollector {
  readonly columns: TraceColumns = new TraceColumns()
  readonly misspelled: MisspelledKeys = new MisspelledKeys()
  /** Entries that are no requests at all, such as spans of other work. */
  ignored = 0
  private skippedCount = 0
  private readonly messages: string[] = []
  private readonly onError: 'fail' | 'skip'

  constructor(onError: 'fail' | 'skip') {
    this.onError = onError
  }

  get skipped(): SkippedRecords {
    return { count: this.skippedCount, messages: this.messages }
  }

  /** Adds a request. @returns its row */
  add(record: TraceRecord, blocks?: HashedBlocks): number {
    return this.columns.add(record, blocks)
  }

  /** Runs `read`; a RouteSimError in it is of the entry at `where`. */
  attempt(where: string, read: () => void): void {
    try {
      read()
    } catch (error) {
      if (!(error instanceof RouteSimError)) throw error
      const message = `${where}: ${error.message}`
      if (this.onError === 'fail') {
        const hint = error.hint === undefined ? {} : { hint: error.hint }
        throw traceError('trace_invalid', message, { path: where, cause: error, ...hint })
      }
      this.skippedCount++
      if (this.messages.length < MESSAGES_KEPT) this.messages.push(message)
    }
  }
}
