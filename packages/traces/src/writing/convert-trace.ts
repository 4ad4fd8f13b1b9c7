import type { Writable } from 'node:stream'
import { type RetimeOptions, retimeTrace } from '../editing/retime-trace.js'
import type { TraceSource } from '../reading/byte-source.js'
import { type ReadTraceOptions, readTrace, type TraceReadResult } from '../reading/read-trace.js'
import { type TraceWriteResult, type WriteTraceOptions, writeTrace } from './write-trace.js'

/** Options of {@link convertTrace}. */
export interface ConvertTraceOptions {
  readonly read?: ReadTraceOptions
  readonly write?: WriteTraceOptions
  /** Other times of arrival; those of the trace when absent. */
  readonly retime?: RetimeOptions
}

/**
 * Reads a trace and writes it in another format; prefixes keep their names.
 * @throws RouteSimError as {@link readTrace} and {@link writeTrace} do
 */
export async function convertTrace(
  from: string | TraceSource,
  to: string | Writable,
  format: string,
  options: ConvertTraceOptions = {},
): Promise<TraceWriteResult & Omit<TraceReadResult, 'table' | 'prefixHashes'>> {
  const { table, prefixHashes, ...read } = await readTrace(from, options.read)
  const { blockTokens } = options.read ?? {}
  const write = { prefixHashes, blockTokens, ...options.write }
  const { retime } = options
  const timed = retime === undefined ? table : retimeTrace(table, retime)
  return { ...read, ...(await writeTrace(to, timed, format, write)) }
}
