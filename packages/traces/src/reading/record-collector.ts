import { RequestTableBuilder, RouteSimError } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { placeHashedBlocks } from '../records/hashed-blocks.js'
import type { HashedBlocks, TraceRecord } from '../records/trace-record.js'

const MESSAGES_KEPT = 5

/** What was left out of a trace, and why. */
export interface SkippedRecords {
  readonly count: number
  /** The first few errors, each with its place. */
  readonly messages: readonly string[]
}

/** Gathers the records of one trace; what is wrong with one either ends the read or is counted. */
export class RecordCollector {
  readonly builder: RequestTableBuilder = new RequestTableBuilder()
  readonly records: TraceRecord[] = []
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

  add(record: TraceRecord, blocks?: HashedBlocks): void {
    if (blocks !== undefined) this.place(record, blocks)
    this.records.push(record)
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

  private place(record: TraceRecord, blocks: HashedBlocks): void {
    try {
      placeHashedBlocks(this.builder.prompts, record, blocks)
    } catch (error) {
      if (!(error instanceof RouteSimError) || error.code !== 'prompt_invalid') throw error
      throw traceError('trace_invalid', `hash_ids: ${error.message}`, { cause: error })
    }
  }
}
