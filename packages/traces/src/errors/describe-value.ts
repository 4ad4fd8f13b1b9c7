const LONGEST = 40

/** A value as an error message shows it: short, on one line, and never walked into. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return JSON.stringify(shorten(value))
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

/** The name of a key: short, on one line, and nothing that a terminal would obey. */
export function describeKey(name: string): string {
  return JSON.stringify(shorten(name)).slice(1, -1)
}

/** The beginning of a text. */
function shorten(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text
}

/**
 * The beginning of a line that could not be read, or that it is no text at all.
 * @param describe - what the message says of a text
 */
export function describeLine(text: string, describe: (start: string) => string): string {
  const start = shorten(text)
  return isText(start) ? describe(start) : 'binary data, which is no text'
}

/** Other encodings than UTF-8 are text too: only control characters tell. */
function isText(text: string): boolean {
  return !/[^\P{Cc}\t\r]/u.test(text)
}
