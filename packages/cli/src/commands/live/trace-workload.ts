import { type RequestTable, RequestTableBuilder } from '@routesim/core'
import { readTrace } from '@routesim/traces'
import type { Options } from 'yargs'
import { UsageError } from '../../usage-error.js'

const number = (describe: string, fallback?: number): Options => ({
  type: 'number',
  requiresArg: true,
  describe,
  ...(fallback === undefined ? {} : { default: fallback }),
})

/** What may be changed about a trace before it is replayed. */
export const TRACE_SHAPE: Record<string, Options> = {
  'num-requests': number('Only the first requests'),
  'speedup-ratio': number('Arrivals come so many times as fast', 1),
  'osl-multiplier': number('Factor on output lengths', 1),
  'min-isl': number('Leave out shorter prompts, in tokens'),
  'max-isl': number('Leave out longer prompts, in tokens'),
  'min-osl': number('Least output tokens'),
  'max-osl': number('Most output tokens'),
  'trace-block-size': number('Tokens of a hashed block of the trace', 512),
}

/** The options above as the parser gives them. */
export interface TraceShapeArguments {
  numRequests?: number
  speedupRatio: number
  oslMultiplier: number
  minIsl?: number
  maxIsl?: number
  minOsl?: number
  maxOsl?: number
  traceBlockSize: number
}

/** The requests of a trace, with those changes. */
export async function readWorkload(
  path: string,
  shape: TraceShapeArguments,
): Promise<RequestTable> {
  const { oslMultiplier, minOsl = 1, maxOsl = Number.POSITIVE_INFINITY, speedupRatio } = shape
  for (const [flag, value] of [
    ['speedup-ratio', speedupRatio],
    ['osl-multiplier', oslMultiplier],
  ] as const) {
    if (!(value > 0)) throw new UsageError(`--${flag}: expected a number > 0, got ${value}`)
  }
  const { minIsl = 0, maxIsl = Number.POSITIVE_INFINITY, numRequests } = shape
  const { table } = await readTrace(path, { blockTokens: shape.traceBlockSize })
  const rows = Array.from({ length: table.size }, (_, row) => row)
    .filter((row) => table.promptTokens[row]! >= minIsl && table.promptTokens[row]! <= maxIsl)
    .slice(0, numRequests)
  const outputTokens = table.outputTokens.map((tokens) =>
    Math.max(1, minOsl, Math.min(maxOsl, Math.round(tokens * oslMultiplier))),
  )
  return selected({ ...table, outputTokens, maxTokens: outputTokens }, rows)
}

/** The requests of a table for several servers in turn: the first gets what is left over. */
export function* dealtOut(table: RequestTable, servers: number): Generator<RequestTable> {
  for (let server = 0; server < servers; server++) {
    const rows = Array.from({ length: table.size }, (_, row) => row)
    yield selected(
      table,
      rows.filter((row) => row % servers === server),
    )
  }
}

/** Some rows of a table; their prompts share what they shared. */
function selected(table: RequestTable, rows: readonly number[]): RequestTable {
  if (rows.length === table.size) return table
  const builder = new RequestTableBuilder()
  for (const row of rows) {
    builder.add({
      arrivalMs: table.arrivalMs[row]!,
      promptTokens: table.promptTokens[row]!,
      outputTokens: table.outputTokens[row]!,
      maxTokens: table.maxTokens[row]!,
      prefixTokens: table.prefixTokens[row]!,
      priority: table.priority[row]!,
      ...named('session', table.strings[table.session[row]!]),
      ...named('user', table.strings[table.user[row]!]),
    })
  }
  const built = builder.build()
  return {
    ...built,
    prompts: table.prompts,
    promptNode: Int32Array.from(rows, (row) => table.promptNode[row]!),
  }
}

function named(key: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [key]: value }
}
