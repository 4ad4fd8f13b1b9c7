const MARK = /["{}[\]]/g
const STRING_END = /[^\\"]*(?:\\.[^\\"]*)*"/y
const COLON = /\s*:/y

/**
 * The first key that the object of a valid JSON text has twice, of which `JSON.parse` would keep the last
 * silently; `undefined` when it has none. Objects within it are not looked at.
 */
export function repeatedKey(text: string): string | undefined {
  const seen = new Set<string>()
  let depth = 0
  MARK.lastIndex = 0
  for (let mark = MARK.exec(text); mark !== null; mark = MARK.exec(text)) {
    const [sign] = mark
    if (sign === '{' || sign === '[') depth++
    else if (sign !== '"') depth--
    else {
      STRING_END.lastIndex = MARK.lastIndex
      STRING_END.exec(text)
      const end = STRING_END.lastIndex
      COLON.lastIndex = end
      if (depth === 1 && COLON.test(text)) {
        const written = text.slice(mark.index, end)
        const key = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1)
        if (seen.has(key)) return key
        seen.add(key)
      }
      MARK.lastIndex = end
    }
  }
  return undefined
}
