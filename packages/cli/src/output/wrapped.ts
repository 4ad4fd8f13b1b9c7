import { stripVTControlCharacters } from 'node:util'

/** A label and the spaces after it, or what a line begins with. */
const INDENT = /^(?: *(?:\S+ )*\S+ {2,}| *)/

/**
 * A text whose long lines go on in the next one, between words. What goes on stands below what it
 * belongs to: right of the label of its line, unless that takes half of the width.
 */
export function wrapped(text: string, maxWidth: number): string {
  return text
    .split('\n')
    .map((line) => (visibleLength(line) <= maxWidth ? line : wrappedLine(line, maxWidth)))
    .join('\n')
}

function wrappedLine(line: string, maxWidth: number): string {
  const [label] = INDENT.exec(line)!
  const spaces = ' '.repeat(visibleLength(label))
  const indent = spaces.length <= maxWidth / 2 ? spaces : ''
  const lines: string[] = []
  let current = label
  let isEmpty = true
  for (const word of line.slice(label.length).split(' ')) {
    const longer = isEmpty ? current + word : `${current} ${word}`
    if (isEmpty || visibleLength(longer) <= maxWidth) current = longer
    else {
      lines.push(current)
      current = indent + word
    }
    isEmpty = false
  }
  return [...lines, current].join('\n')
}

/** Characters of a text as they appear on a terminal. */
export function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length
}

/** Prints on standard output what is laid out for its width; a pipe has none. */
export function printFitted(layOut: (maxWidth: number) => string): void {
  process.stdout.write(`${fitted(layOut, process.stdout)}\n`)
}

/** What is laid out for the width of a stream. */
export function fitted(
  layOut: (maxWidth: number) => string,
  { columns }: Pick<NodeJS.WriteStream, 'columns'>,
): string {
  const maxWidth = columns || Number.POSITIVE_INFINITY
  return wrapped(layOut(maxWidth), maxWidth)
}
