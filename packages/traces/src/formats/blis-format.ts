import type { RequestTable } from '@routesim/core'
import type { PrefixHashes } from '../columns/lower-columns.js'
import type { TraceRecord } from '../columns/trace-record.js'
import { checkTotalTokens } from '../reading/json-fields.js'
import type { RecordCollector } from '../reading/record-collector.js'
import { declarePrefixes } from '../writing/declare-prefixes.js'
import { csvField } from './csv-line.js'
import { CsvReader, type CsvRow } from './csv-reader.js'

const COLUMNS =
  'request_id,client_id,tenant_id,slo_class,session_id,round_index,prefix_group,prefix_length,streaming,input_tokens,output_tokens,text_tokens,image_tokens,audio_tokens,video_tokens,reason_ratio,model,deadline_us,server_input_tokens,arrival_time_us,send_time_us,first_chunk_time_us,last_chunk_time_us,num_chunks,status,error_message,finish_reason'

/** Columns that name something, and what the format calls them. */
const NAMES = [
  ['user', 'client_id'],
  ['tenant', 'tenant_id'],
  ['sloClass', 'slo_class'],
  ['session', 'session_id'],
  ['model', 'model'],
  ['prefixHash', 'prefix_group'],
  ['adapter', 'adapter'],
] as const

/**
 * The CSV half of a BLIS TraceV2 (versions 2 and 3; the YAML half describes the server): times in µs,
 * `deadline_us` as a point in time, 0 for none, `slo_target_us` for the first token. A smaller
 * `vllm_priority` is more urgent, so priorities are its negative. What was measured is left out.
 */
export class BlisReader extends CsvReader {
  constructor(source: string, collector: RecordCollector) {
    super(source, collector, ['request_id', 'input_tokens', 'output_tokens', 'arrival_time_us'])
  }

  protected row(row: CsvRow): void {
    const arrivalUs = row.number('arrival_time_us')
    const record: TraceRecord = {
      arrivalMs: arrivalUs / 1000,
      promptTokens: row.integer('input_tokens', 1),
      outputTokens: row.integer('output_tokens', 0),
    }
    checkTotalTokens(record.promptTokens, record.outputTokens)
    for (const [field, column] of NAMES) {
      const name = row.text(column)
      if (name !== undefined) record[field] = name
    }
    const prefixTokens =
      row.text('prefix_length') === undefined ? 0 : row.integer('prefix_length', 0)
    if (record.prefixHash !== undefined && prefixTokens > 0) record.prefixTokens = prefixTokens
    const priority = row.text('vllm_priority') === undefined ? 0 : row.integer('vllm_priority', 0)
    if (priority > 0) record.priority = -priority
    const targetUs = row.text('slo_target_us') === undefined ? 0 : row.number('slo_target_us')
    if (targetUs > 0) record.ttftSloMs = Math.max(1, Math.round(targetUs / 1000))
    const deadlineUs = row.text('deadline_us') === undefined ? 0 : row.number('deadline_us')
    if (deadlineUs > 0) record.deadlineMs = Math.max(0, deadlineUs - arrivalUs) / 1000
    this.collector.add(record)
  }
}

/**
 * TraceV2 holds whole µs, names, prefix groups, deadlines, and priorities when none is above 0. Columns
 * that only newer versions have are there when they are needed.
 */
export function* blisLines(
  table: RequestTable,
  prefixHashes: PrefixHashes | undefined,
): Generator<string> {
  const { records, exact } = declarePrefixes(table, prefixHashes)
  const columns = columnsOf(records)
  const rounds = new Map<string, number>()
  yield columns.join(',')
  for (let row = 0; row < records.length; row++) {
    const record = records[row]!
    const { session } = record
    const round = session === undefined ? 0 : (rounds.get(session) ?? 0)
    if (session !== undefined) rounds.set(session, round + 1)
    const arrivalUs = Math.round(record.arrivalMs * 1000)
    const { deadlineMs } = record
    const values: Record<string, string | number | undefined> = {
      request_id: row,
      vllm_priority: -(record.priority ?? 0) + 0,
      round_index: round,
      // A prefix that is not quite what is shared would claim sharing where there is none.
      prefix_length: exact ? (record.prefixTokens ?? 0) : 0,
      streaming: 'true',
      input_tokens: record.promptTokens,
      output_tokens: record.outputTokens,
      text_tokens: record.promptTokens,
      reason_ratio: '0.0',
      deadline_us: deadlineMs === undefined ? 0 : arrivalUs + Math.round(deadlineMs * 1000),
      slo_target_us: (record.ttftSloMs ?? 0) * 1000,
      arrival_time_us: arrivalUs,
      send_time_us: arrivalUs,
      status: 'ok',
    }
    for (const [field, column] of NAMES) values[column] = record[field]
    if (!exact && prefixHashes === undefined) values['prefix_group'] = undefined
    yield columns
      .map((column) =>
        csvField(
          values[column] ?? (/^(image|audio|video|server|first|last|num)_/.test(column) ? 0 : ''),
        ),
      )
      .join(',')
  }
}

/** The columns, in the places where the format has those that may be missing. */
function columnsOf(records: readonly TraceRecord[]): string[] {
  const columns = COLUMNS.split(',')
  const add = (column: string, after: string): void => {
    columns.splice(columns.indexOf(after) + 1, 0, column)
  }
  const isUrgent = records.some(({ priority = 0 }) => priority > 0)
  if (!isUrgent && records.some(({ priority = 0 }) => priority < 0)) {
    add('vllm_priority', 'slo_class')
  }
  if (records.some(({ ttftSloMs = 0 }) => ttftSloMs > 0)) add('slo_target_us', 'deadline_us')
  if (records.some(({ adapter }) => adapter !== undefined)) columns.push('adapter')
  return columns
}
