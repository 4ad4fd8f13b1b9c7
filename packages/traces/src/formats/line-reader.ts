import type { RecordCollector } from '../reading/record-collector.js'

/** How a reader is told what the content does not say. */
export interface ReaderOptions {
  /** Tokens per hashed block; as is usual in the format when absent. */
  readonly blockTokens: number | undefined
  /** Characters that make a token, where a trace holds texts and no counts. */
  readonly charsPerToken: number | undefined
}

/** Makes the reader of a format; `source` is the name of the trace in messages. */
export type MakeReader = (
  source: string,
  collector: RecordCollector,
  options: ReaderOptions,
) => LineReader

/** Reads the lines of one format into records. */
export interface LineReader {
  /** Takes the next line that is neither blank nor a comment. */
  line(text: string, number: number): void
  /** Lines come from another file from here on; formats that are one file have none. */
  nextFile?(source: string): void
  /** Takes the end of the trace. */
  end(): void
}
