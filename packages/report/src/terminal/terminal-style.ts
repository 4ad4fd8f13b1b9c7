/** What a terminal can show. */
export interface TerminalStyle {
  /** Characters of a line. */
  readonly width: number
  /** Whether it shows more than ASCII. */
  readonly isUnicode: boolean
  /** Colours text for the series of an index; undefined when there are no colours. */
  readonly paint?: ((index: number, text: string) => string) | undefined
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** The letter that stands for a series where there are no colours. */
export function letterOf(index: number): string {
  return LETTERS[index % LETTERS.length]!
}

/** The text, cut to a number of characters. */
export function cut(text: string, size: number, { isUnicode }: TerminalStyle): string {
  if (text.length <= size) return text
  const mark = isUnicode ? '…' : '~'
  return size < 1 ? '' : text.slice(0, size - 1) + mark
}
