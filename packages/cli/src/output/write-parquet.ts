import { writeFile } from 'node:fs/promises'
import { RouteSimError } from '@routesim/core'
import type { CsvValue } from '@routesim/metrics'
import { columnsOf } from './flat-csv.js'

/**
 * Writes rows as a Parquet file: a column per key of any row, of numbers (DOUBLE), booleans or strings.
 * @throws RouteSimError `output_failed`
 */
export async function writeParquet(
  rows: readonly Readonly<Record<string, CsvValue>>[],
  output: string,
): Promise<void> {
  const names = columnsOf(rows)
  const columnData = names.map((name) =>
    column(
      name,
      rows.map((row) => row[name] ?? null),
    ),
  )
  const { parquetWriteBuffer } = await import('hyparquet-writer')
  try {
    await writeFile(output, new Uint8Array(parquetWriteBuffer({ columnData })))
  } catch (cause) {
    const why = `can not be written: ${(cause as Error).message}`
    throw new RouteSimError(`${output}: ${why}`, { code: 'output_failed', path: output, cause })
  }
}

/** A column is of numbers or of booleans when all its values are, else of strings. */
function column(name: string, values: readonly (string | number | boolean | null)[]) {
  const present = values.filter((value) => value !== null)
  const isAll = (type: string): boolean => present.every((value) => typeof value === type)
  if (isAll('number')) return { name, data: [...values], type: 'DOUBLE' as const, nullable: true }
  if (isAll('boolean')) return { name, data: [...values], type: 'BOOLEAN' as const, nullable: true }
  const data = values.map((value) => (value === null ? null : String(value)))
  return { name, data, type: 'STRING' as const, nullable: true }
}
