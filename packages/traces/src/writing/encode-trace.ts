import type { RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import { encodeAgentic } from '../formats/agentic-writer.js'
import { arrivalsLines, azureLines } from '../formats/azure-writer.js'
import { bailianLines } from '../formats/bailian-format.js'
import { blisLines } from '../formats/blis-format.js'
import { blockTokensFor, checkBlockTokens, writtenBlockTokens } from '../formats/block-tokens.js'
import { burstGptLines } from '../formats/burstgpt-format.js'
import { commonBlockSize } from '../formats/common-block-size.js'
import { encodeCompact } from '../formats/compact-writer.js'
import { FORMAT_READERS } from '../formats/format-readers.js'
import { encodeMooncake } from '../formats/mooncake-writer.js'
import { encodeOtel } from '../formats/otel-writer.js'
import { parseWritableFormat } from '../formats/trace-format.js'
import type { EncodedTrace } from './encoded-trace.js'
import { lostOnReading } from './read-back.js'

/** What shapes a trace that is written. */
export interface EncodeOptions {
  /** The names of prefixes, from the read; where it has none they are called `p0`, `p1`... */
  readonly prefixHashes?: PrefixHashes | undefined
  /**
   * Tokens per hashed block. By default 512 for Mooncake and 16 for Bailian where the blocks of the trace
   * consist of such, else those of the trace, as for agentic sessions: lines say it then.
   */
  readonly blockTokens?: number | undefined
  /** OTel: a document per line (`lines`, the default), or one `document`. */
  readonly otelLayout?: 'lines' | 'document' | undefined
}

/**
 * A table as the lines of a format. Those of Parquet are its rows as JSON.
 * @throws RouteSimError `trace_option_invalid`
 */
export function encodeTrace(
  table: RequestTable,
  format: string,
  options: EncodeOptions,
): EncodedTrace {
  const { blockTokens } = options
  const hasNames = options.prefixHashes !== undefined && options.prefixHashes.names.length > 0
  const prefixHashes = hasNames ? options.prefixHashes : undefined
  checkBlockTokens(blockTokens)
  const to = parseWritableFormat(format)
  const checked = (lines: Iterable<string>): EncodedTrace => {
    const all = [...lines]
    const reader = FORMAT_READERS[to as Exclude<typeof to, 'parquet'>]
    const lost = lostOnReading(table, prefixHashes, all, (source, collector) =>
      reader(source, collector, { blockTokens, charsPerToken: undefined }),
    )
    return { lines: all, lost }
  }
  switch (to) {
    case 'compact_jsonl':
    case 'parquet':
      return encodeCompact(table, prefixHashes)
    case 'mooncake':
      return encodeMooncake(table, prefixHashes, writtenBlockTokens(table, to, blockTokens))
    case 'otel':
      return encodeOtel(table, prefixHashes, options.otelLayout ?? 'lines')
    case 'azure':
      return checked(azureLines(table))
    case 'csv':
      return checked(arrivalsLines(table))
    case 'burstgpt':
      return checked(burstGptLines(table))
    case 'blis':
      return checked(blisLines(table, prefixHashes))
    case 'bailian':
      return checked(bailianLines(table, writtenBlockTokens(table, to, blockTokens)))
    case 'agentic':
      return encodeAgentic(table, blockTokensFor(table, blockTokens ?? commonBlockSize(table)))
  }
}
