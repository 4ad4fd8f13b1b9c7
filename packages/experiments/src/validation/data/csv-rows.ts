/** A line of a CSV file: cells by column. */
export type CsvRow = Readonly<Record<string, string>>

/** Lines of a CSV text with a header, quoted cells included; empty lines are left out. */
export function parseCsv(text: string): CsvRow[] {
  return numberedRows(text).map(({ row }) => row)
}

/** The same with the number of each line, the header being the first. */
export function numberedRows(text: string): { readonly line: number; readonly row: CsvRow }[] {
  const [titles, ...lines] = text.split(/\r?\n/)
  const names = cellsOf(titles!)
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    const cells = cellsOf(line)
    return { line: i + 2, row: Object.fromEntries(names.map((name, j) => [name, cells[j] ?? ''])) }
  })
}

/** The number in a cell; undefined when it holds none. */
export function numberIn(row: CsvRow, column: string): number | undefined {
  const cell = row[column]
  const value = cell === undefined || cell === '' ? Number.NaN : Number(cell)
  return Number.isFinite(value) ? value : undefined
}

/** Every cell that holds a number, by column. */
export function numbersIn(row: CsvRow): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const column of Object.keys(row)) {
    const value = numberIn(row, column)
    if (value !== undefined) numbers[column] = value
  }
  return numbers
}

function cellsOf(line: string): string[] {
  const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? []
  return cells
    .slice(0, line === '' || cells.at(-1) !== '' ? undefined : -1)
    .map((cell) => cell.replace(/,$/, '').trim())
    .map((cell) => cell.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'))
}
