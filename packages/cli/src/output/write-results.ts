import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { RouteSimError } from '@routesim/core'

/** What results can be written as. */
export const FORMATS = ['table', 'json', 'csv', 'md'] as const
export type OutputFormat = (typeof FORMATS)[number]

/** One result in every format; only the one that is asked for is made. */
export type Rendering = { readonly [Format in OutputFormat]: () => string }

/**
 * Prints a result, or writes it to a file and prints the table. A file's format is the one asked
 * for, else that of its ending, else JSON.
 */
export async function writeResults(
  rendering: Rendering,
  { format, output }: { format: OutputFormat | undefined; output: string | undefined },
): Promise<void> {
  if (output === undefined) {
    print(rendering[format ?? 'table']())
    return
  }
  const ending = extname(output).slice(1)
  const chosen = format ?? FORMATS.find((name) => name === ending) ?? 'json'
  try {
    await writeFile(output, `${rendering[chosen]()}\n`)
  } catch (cause) {
    throw new RouteSimError(`${output}: can not be written: ${(cause as Error).message}`, {
      code: 'output_failed',
      path: output,
      cause,
    })
  }
  print(rendering.table())
  console.error(`Wrote ${output}`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
