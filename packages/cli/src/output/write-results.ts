import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { RouteSimError, whyUnwritable } from '@routesim/core'
import { checkEnding, type EndingHints } from './check-ending.js'
import { printFitted } from './wrapped.js'

/** What results can be written as. */
export const FORMATS = ['table', 'json', 'csv', 'md'] as const
export type OutputFormat = (typeof FORMATS)[number]

/** One result in every format; only the one that is asked for is made. A table is as wide as there is room. */
export type Rendering = { readonly [Format in Exclude<OutputFormat, 'table'>]: () => string } & {
  readonly table: (maxWidth: number) => string
}

/** Where results go and as what; `-` is standard output. */
export interface ResultTarget {
  readonly format: OutputFormat | undefined
  readonly output: string | undefined
}

const RESULT_ENDINGS = ['.json', '.csv', '.md'] as const

/**
 * Says before the work begins that its result could not be written, or not as its name says.
 *
 * @param endings - those of what is written, when no format is given
 * @throws UsageError; RouteSimError `output_failed`
 */
export async function checkTarget(
  { format, output }: ResultTarget,
  endings: readonly string[] = RESULT_ENDINGS,
  hints: EndingHints = {},
): Promise<void> {
  if (output === undefined || output === '-') return
  if (format === undefined) checkEnding('output', output, endings, hints)
  await checkWritable(output)
}

/**
 * Says before the work begins that a file could not be written.
 * @throws RouteSimError `output_failed`
 */
export async function checkWritable(output: string): Promise<void> {
  const isDirectory = await stat(output).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (isDirectory) throw failed(output, 'expected a file, got a directory')
  try {
    await access(dirname(output), constants.W_OK)
  } catch (cause) {
    throw outputFailed(output, cause)
  }
}

/**
 * Prints a result, or writes it to a file and prints the table. A file's format is the one asked
 * for, else that of its ending, else JSON. What can not be written is printed, not lost.
 *
 * @throws RouteSimError `output_failed`
 */
export async function writeResults(
  rendering: Rendering,
  { format, output }: ResultTarget,
): Promise<void> {
  if (output === undefined || output === '-') {
    print(rendering, format)
    return
  }
  const ending = extname(output).slice(1).toLowerCase()
  const chosen = format ?? FORMATS.find((name) => name === ending) ?? 'json'
  try {
    await writeText(rendering[chosen](Number.POSITIVE_INFINITY), output)
  } catch (cause) {
    print(rendering, format)
    throw cause
  }
  print(rendering, 'table')
  console.error(`Wrote ${output}`)
}

/**
 * Writes a text to a file, without the colours of a terminal.
 * @throws RouteSimError `output_failed`
 */
export async function writeText(text: string, output: string): Promise<void> {
  try {
    await writeFile(output, `${stripVTControlCharacters(text)}\n`)
  } catch (cause) {
    throw outputFailed(output, cause)
  }
}

/** The error for a file that can not be written. */
export function outputFailed(output: string, cause: unknown): RouteSimError {
  return failed(output, `can not be written: ${whyUnwritable(dirname(output), cause)}`, cause)
}

function failed(output: string, what: string, cause?: unknown): RouteSimError {
  return new RouteSimError(`${output}: ${what}`, { code: 'output_failed', path: output, cause })
}

function print(rendering: Rendering, format: OutputFormat = 'table'): void {
  if (format === 'table') printFitted(rendering.table)
  else process.stdout.write(`${rendering[format]()}\n`)
}
