import { AgenticReader } from './agentic-reader.js'
import { AiperfInputsReader, AiperfProfileReader } from './aiperf-readers.js'
import { ArrivalsReader } from './arrivals-reader.js'
import { AzureReader } from './azure-reader.js'
import { BailianReader } from './bailian-format.js'
import { BenchReader } from './bench-reader.js'
import { BlisReader } from './blis-format.js'
import { blockTokensOf, checkBlockTokens } from './block-tokens.js'
import { BurstGptReader } from './burstgpt-format.js'
import { CompactReader } from './compact-reader.js'
import type { MakeReader } from './line-reader.js'
import { LlmServingSimReader } from './llmservingsim-reader.js'
import { MooncakeReader } from './mooncake-reader.js'
import { OtelReader } from './otel-reader.js'
import { ShareGptReader } from './sharegpt-reader.js'
import type { TraceFormat } from './trace-format.js'

/** The readers of all formats that are text. */
export const FORMAT_READERS: Readonly<Record<Exclude<TraceFormat, 'parquet'>, MakeReader>> = {
  compact_jsonl: (source, collector, { blockTokens }) =>
    new CompactReader(source, collector, checkBlockTokens(blockTokens)),
  mooncake: (source, collector, { blockTokens, charsPerToken }) =>
    new MooncakeReader(source, collector, checkBlockTokens(blockTokens), charsPerToken),
  otel: (source, collector) => new OtelReader(source, collector),
  azure: (source, collector) => new AzureReader(source, collector),
  csv: (source, collector) => new ArrivalsReader(source, collector),
  burstgpt: (source, collector) => new BurstGptReader(source, collector),
  bailian: (source, collector, { blockTokens }) =>
    new BailianReader(source, collector, checkBlockTokens(blockTokens ?? blockTokensOf('bailian'))),
  agentic: (source, collector) => new AgenticReader(source, collector),
  blis: (source, collector) => new BlisReader(source, collector),
  sharegpt: (source, collector, { charsPerToken }) =>
    new ShareGptReader(source, collector, charsPerToken),
  bench_serve: (source, collector) => new BenchReader(source, collector),
  aiperf_inputs: (source, collector, { charsPerToken }) =>
    new AiperfInputsReader(source, collector, charsPerToken),
  aiperf_profile: (source, collector) => new AiperfProfileReader(source, collector),
  llmservingsim: (source, collector) => new LlmServingSimReader(source, collector),
}
