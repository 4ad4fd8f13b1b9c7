import { type RequestTable, RequestTableBuilder } from '@routesim/core'
import { editTrace, readTrace, synthesizeTrace } from '@routesim/traces'
import type { Options } from 'yargs'
import { printAbsentColumns } from '../../output/lost-columns.js'
import { printLostSharing } from '../../output/lost-sharing.js'
import { UsageError } from '../../usage-error.js'
import {
  namingFlags,
  SYNTHESIS_OPTIONS,
  type SynthesisArguments,
  synthesisOptions,
} from '../synthesis-arguments.js'

/** What may be made of a trace before it is replayed. */
export const TRACE_SHAPE: Record<string, Options> = {
  head: { type: 'number', requiresArg: true, describe: 'Only the first N requests of the trace' },
  ...SYNTHESIS_OPTIONS,
  'speedup-ratio': {
    type: 'number',
    requiresArg: true,
    describe:
      'Divides the gaps between arrivals (default 1); alone it leaves the requests as they are',
  },
  'trace-block-size': {
    type: 'number',
    requiresArg: true,
    describe: 'Tokens of a hashed block (default that of the trace)',
  },
}

/** The options above as the parser gives them. */
export interface TraceShapeArguments extends SynthesisArguments {
  head?: number
  speedupRatio?: number
  seed: number
  traceBlockSize?: number
}

/** The requests that a trace and those options stand for. */
export interface TraceWorkload {
  /** At the speed that was asked for. */
  readonly table: RequestTable
  /** Whether they were made after the example of the trace, and are not its own. */
  readonly isSynthetic: boolean
}

/** Errors name the options of the command line. */
const FLAGS = { blockTokens: 'trace-block-size' }

/**
 * The requests of a trace, faster if so asked for; with any other option of synthesis, new ones after their
 * example, as Dynamo's script does.
 *
 * @throws UsageError
 */
export async function readWorkload(
  path: string,
  shape: TraceShapeArguments,
): Promise<TraceWorkload> {
  const { head, speedupRatio = 1, traceBlockSize } = shape
  const options = synthesisOptions(shape, traceBlockSize)
  const { seed: _, speedupRatio: _faster, blockTokens: _size, ...shaping } = options
  const isSynthetic = Object.values(shaping).some((value) => value !== undefined && value !== 1)
  return namingFlags(FLAGS, async () => {
    if (!(speedupRatio > 0 && Number.isFinite(speedupRatio)))
      throw new UsageError(`--speedup-ratio: expected a number > 0, got ${speedupRatio}`)
    const { table } = await readTrace(path, { blockTokens: traceBlockSize })
    const part = editTrace(table, { head })
    if (isSynthetic) {
      printLostSharing(part, traceBlockSize, '--trace-block-size')
      const made = synthesizeTrace(part, options)
      printAbsentColumns(part, made)
      return { table: made, isSynthetic }
    }
    if (part.predecessor !== undefined) {
      console.error(
        'note: requests that wait for others in the trace are sent at their times of arrival all the same',
      )
    }
    const arrivalMs = part.arrivalMs.map((ms) => ms / speedupRatio)
    return { table: { ...part, arrivalMs }, isSynthetic }
  })
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
