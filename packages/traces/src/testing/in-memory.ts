import { Writable } from 'node:stream'
import type { RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import { type ReadTraceOptions, readTrace, type TraceReadResult } from '../reading/read-trace.js'
import { writeTrace } from '../writing/write-trace.js'

/** Reads a trace from text, named `t.jsonl` in messages. */
export function readText(
  text: string | Uint8Array,
  options: ReadTraceOptions = {},
): Promise<TraceReadResult> {
  return readTrace({ path: 't.jsonl', stream: chunksOf(text) }, options)
}

async function* chunksOf(text: string | Uint8Array): AsyncGenerator<Uint8Array> {
  yield typeof text === 'string' ? Buffer.from(text) : text
}

/** Arrivals, lengths and the rest that a read gave, row by row. */
export function rows({ table }: TraceReadResult): unknown[] {
  const name = (id: number | undefined): string | undefined => table.strings[id ?? -1]
  return Array.from({ length: table.size }, (_, i) => [
    table.arrivalMs[i],
    table.promptTokens[i],
    table.outputTokens[i],
    ...[name(table.session[i]), name(table.model[i])].filter((text) => text !== undefined),
  ])
}

/** The message of the error a read ends with. */
export async function messageOf(read: Promise<unknown>): Promise<string> {
  try {
    await read
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

/** Writes a table to memory, with blocks of 16 tokens. */
export async function writeText(
  table: RequestTable,
  format: string,
  prefixHashes?: PrefixHashes,
): Promise<{ text: string; lost: readonly string[] }> {
  const chunks: Buffer[] = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  const { lost } = await writeTrace(sink, table, format, { prefixHashes, blockTokens: 16 })
  return { text: Buffer.concat(chunks).toString(), lost }
}
