import { checkTotalTokens } from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { CsvReader, type CsvRow } from './csv-reader.js'

/** Names of the columns: arrival in seconds, tokens of the prompt, tokens of the answer. */
const DIALECTS = [
  ['arrival_s', 'input_tokens', 'output_tokens'],
  // Vidur: microsoft/vidur at 14db47b, vidur/request_generator/trace_replay_request_generator.py
  ['arrived_at', 'num_prefill_tokens', 'num_decode_tokens'],
  // SplitwiseSim: Mutinifni/splitwise-sim at 3780880, generate_trace.py
  ['arrival_timestamp', 'prompt_size', 'token_size'],
] as const

/** CSV of arrivals and lengths, as it is and as simulators name the columns. */
export class ArrivalsReader extends CsvReader {
  constructor(source: string, collector: RecordCollector) {
    super(source, collector, ...DIALECTS)
  }

  protected row(row: CsvRow): void {
    const [arrival, prompt, answer] = this.names as (typeof DIALECTS)[number]
    const promptTokens = row.integer(prompt, 1)
    const outputTokens = row.integer(answer, 0)
    checkTotalTokens(promptTokens, outputTokens)
    this.collector.add({ arrivalMs: row.number(arrival) * 1000, promptTokens, outputTokens })
  }
}
