import { visibleLength } from './wrapped.js'

/** A column of a table. */
export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  /**
   * Where there is no room for all, those of the highest rank go first, and those of rank 0 stay; by
   * default the number of the column, counted from 0.
   */
  readonly rank?: number
}

const GAP = '  '

/** Columns of figures; in a narrow terminal the last of those most wanted go first. */
export function figureColumns(titles: readonly string[], mostWanted: readonly string[]): Column[] {
  return titles.map((title) => ({ title, align: 'right', rank: mostWanted.indexOf(title) + 1 }))
}

/**
 * Lays out rows under their titles, two spaces apart. Columns for which `maxWidth` has no room are left
 * out, of those that may go all but one, and named below.
 */
export function alignedTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  maxWidth: number = Number.POSITIVE_INFINITY,
): string {
  const widths = columns.map((column, i) =>
    Math.max(visibleLength(column.title), ...rows.map((row) => visibleLength(row[i]!))),
  )
  const shown = fitting(columns, widths, maxWidth)
  const line = (cells: readonly string[]): string =>
    shown
      .map((i) => pad(cells[i]!, widths[i]!, columns[i]!.align))
      .join(GAP)
      .trimEnd()
  const rule = widths.map((width) => '-'.repeat(width))
  const lines = [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)]
  const hidden = columns.filter(({ title }, i) => title !== '' && !shown.includes(i))
  if (hidden.length > 0) {
    const names = hidden.map(({ title }) => title).join(', ')
    lines.push(`(not shown in ${maxWidth} columns: ${names}; a wider terminal or a pipe shows all)`)
  }
  return lines.join('\n')
}

/** The columns that are shown, in order. */
function fitting(
  columns: readonly Column[],
  widths: readonly number[],
  maxWidth: number,
): readonly number[] {
  let shown = columns.map((_, i) => i)
  const rankOf = (i: number): number => columns[i]!.rank ?? i
  const least = shown.filter((i) => rankOf(i) === 0).length + 1
  const total = (): number =>
    shown.reduce((sum, i) => sum + widths[i]!, GAP.length * (shown.length - 1))
  while (shown.length > least && total() > maxWidth) {
    const last = shown.reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a))
    shown = shown.filter((i) => i !== last)
  }
  return shown
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

function pad(text: string, size: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(size - visibleLength(text))
  return align === 'left' ? text + space : space + text
}
