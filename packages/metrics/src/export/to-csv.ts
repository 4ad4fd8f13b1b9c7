/** What a CSV field can hold; null and undefined are empty fields. */
export type CsvValue = string | number | boolean | null | undefined

/**
 * Rows as CSV text (RFC 4180: CRLF after every line, quotes only where needed and doubled inside).
 * The header is the keys of the first row; no rows give an empty text.
 *
 * @example
 * toCsv([{ id: 1, note: 'a, "b"' }]) // => 'id,note\r\n1,"a, ""b"""\r\n'
 */
export function toCsv<Row extends { readonly [Key in keyof Row]: CsvValue }>(
  rows: Iterable<Row>,
): string {
  const lines: string[] = []
  let columns: (keyof Row)[] | undefined
  for (const row of rows) {
    if (columns === undefined) {
      columns = Object.keys(row) as (keyof Row)[]
      lines.push(line(columns.map(String)))
    }
    lines.push(line(columns.map((column) => row[column])))
  }
  return lines.join('')
}

function line(values: readonly CsvValue[]): string {
  return `${values.map(field).join(',')}\r\n`
}

function field(value: CsvValue): string {
  const text = String(value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
