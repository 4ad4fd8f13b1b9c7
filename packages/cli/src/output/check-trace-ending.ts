import { WRITABLE_TRACE_FORMATS, type WritableTraceFormat } from '@routesim/traces'
import { checkEnding, endingUnpacked, JSON_LINES, orList } from './check-ending.js'

/** Endings of formats that are not of JSON. */
const ENDINGS: Readonly<Partial<Record<WritableTraceFormat, readonly string[]>>> = {
  azure: ['.csv'],
  csv: ['.csv'],
  burstgpt: ['.csv'],
  blis: ['.csv'],
  parquet: ['.parquet'],
}

/**
 * The format of a trace is never told by its name, which may promise another.
 *
 * @param option - the option that says the format
 * @throws UsageError
 */
export function checkTraceEnding(
  output: string,
  format: WritableTraceFormat,
  option: '--to' | '--format',
): void {
  if (output === '-') return
  const ending = endingUnpacked(output)
  const fitting = WRITABLE_TRACE_FORMATS.filter((each) => endingsOf(each).includes(ending))
  const mend = fitting.length === 0 ? undefined : `Or say ${option} ${orList(fitting)}.`
  checkEnding('output', output, endingsOf(format), { mend, isPacked: true })
}

function endingsOf(format: WritableTraceFormat): readonly string[] {
  return ENDINGS[format] ?? JSON_LINES
}
