const OPENING = '([{'
const CLOSING = ')]}'

/** What is between the separators of a text that stand in no brackets and no double quotes. */
export function splitOutside(text: string, separator: ',' | ';'): string[] {
  const pieces: string[] = []
  let depth = 0
  let isQuoted = false
  let from = 0
  for (let i = 0; i <= text.length; i++) {
    const letter = text.charAt(i)
    if (letter === '"') isQuoted = !isQuoted
    else if (letter !== '' && !isQuoted && OPENING.includes(letter)) depth++
    else if (letter !== '' && !isQuoted && CLOSING.includes(letter)) depth--
    if (i < text.length && (letter !== separator || isQuoted || depth > 0)) continue
    pieces.push(text.slice(from, i).trim())
    from = i + 1
  }
  return pieces
}
