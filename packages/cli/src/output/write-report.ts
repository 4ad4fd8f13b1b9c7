import { readFile, writeFile } from 'node:fs/promises'
import type { Origin, Report } from '@routesim/report'
import type { Options } from 'yargs'
import { packageVersion } from '../version.js'
import { shellWords } from './shell-words.js'
import { checkWritable, outputFailed } from './write-results.js'

/** What the functions of the report package are found in: loaded only when a picture is wanted. */
export type ReportPackage = typeof import('@routesim/report')

/** Arguments of commands that can write a page. */
export interface ReportArguments {
  readonly report?: string | undefined
  readonly config?: string
  /** The words of the command line. */
  readonly commandLine?: readonly string[]
}

export const REPORT: Options = {
  type: 'string',
  requiresArg: true,
  describe: 'Write a page with charts and tables, one HTML file that needs no network',
}

/**
 * Says before the work begins that its page could not be written.
 * @throws RouteSimError `output_failed`
 */
export async function checkReport({ report }: ReportArguments): Promise<void> {
  if (report !== undefined) await checkWritable(report)
}

/**
 * Writes the page that was asked for, if any.
 * @throws RouteSimError `output_failed`
 */
export async function writeReport(
  args: ReportArguments,
  make: (reports: ReportPackage, origin: Origin) => Report,
): Promise<void> {
  if (args.report === undefined) return
  const reports = await import('@routesim/report')
  const page = reports.renderHtml(make(reports, await originOf(args)))
  await writeBytes(page, args.report)
}

/**
 * Writes a file and says so.
 * @throws RouteSimError `output_failed`
 */
export async function writeBytes(content: string | Uint8Array, path: string): Promise<void> {
  try {
    await writeFile(path, content)
  } catch (cause) {
    throw outputFailed(path, cause)
  }
  console.error(`Wrote ${path}`)
}

async function originOf({ config, commandLine = [] }: ReportArguments): Promise<Origin> {
  const text =
    config === undefined ? undefined : await readFile(config, 'utf8').catch(() => undefined)
  return {
    command: `routesim ${shellWords(commandLine.map(withoutPassword))}`,
    version: packageVersion(),
    ...(config !== undefined && text !== undefined && { config: { name: config, text } }),
  }
}

/** A report is given to others. */
function withoutPassword(word: string): string {
  return word.replace(/(rediss?|valkeys?):\/\/[^@/]*@/, '$1://')
}
