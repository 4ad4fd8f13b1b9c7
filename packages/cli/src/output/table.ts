import { stripVTControlCharacters } from 'node:util'

/** A column of a table. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
}

/** Lays out rows under their titles, two spaces apart. */
export function alignedTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map((column, i) =>
    Math.max(visibleLength(column.title), ...rows.map((row) => visibleLength(row[i]!))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, columns[i]!.align))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n')
}

/** The same table in Markdown. */
export function markdownTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.trim().replaceAll('|', '\\|')).join(' | ')} |`
  const rule = columns.map(({ align }) => (align === 'right' ? '---:' : '---'))
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n')
}

/** Characters of the longest line as they appear on a terminal. */
export function width(text: string): number {
  return Math.max(...text.split('\n').map(visibleLength))
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length
}

function pad(text: string, size: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(size - visibleLength(text))
  return align === 'left' ? text + space : space + text
}
