/** Width of a letter of a label, about. */
const LETTER = 7
/** Height that a chart has for labels in any case. */
const USUAL_HEIGHT = 40

/** How the names of categories stand below their places. */
export interface CategoryLabels {
  /** Letters that have room in one line of each. */
  readonly room: number
  /** Names stand upright: not even their words have room. */
  readonly isUpright: boolean
  /** By how much the chart has to grow for them, in pixels. */
  readonly excess: number
  /** A name as it is written. */
  readonly written: (name: string) => string
}

/** Names on one line where that has room, else in lines of whole words, else upright. */
export function categoryLabels(names: readonly string[], width: number): CategoryLabels {
  const room = Math.floor(width / names.length / LETTER)
  const longest = (texts: readonly string[]): number =>
    Math.max(0, ...texts.map(({ length }) => length))
  if (longest(names) <= room) return { room, isUpright: false, excess: 0, written: (name) => name }
  const isUpright = longest(names.flatMap(wordsOf)) > room
  if (!isUpright) return { room, isUpright, excess: 0, written: (name) => brokenAt(name, room) }
  const excess = Math.max(0, longest(names) * LETTER - USUAL_HEIGHT)
  return { room, isUpright, excess, written: (name) => name }
}

function wordsOf(name: string): string[] {
  return name.split(/(?<=[_ ])/)
}

/** A name in lines of so many letters. */
function brokenAt(name: string, letters: number): string {
  const lines: string[] = ['']
  for (const word of wordsOf(name)) {
    const line = lines.at(-1)!
    if (line === '' || line.length + word.length <= letters) lines[lines.length - 1] = line + word
    else lines.push(word)
  }
  return lines.join('\n')
}
