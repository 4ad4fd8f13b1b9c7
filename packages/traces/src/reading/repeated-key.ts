const MARK = /["{}[\]]/g
const STRING_END = /[^\\"]*(?:\\.[^\\"]*)*"/y
const COLON = /\s*:/y

/** An object or array that is not closed yet. */
interface Open {
  /** The keys so far; `undefined` in an array, where there are none. */
  readonly keys: Set<string> | undefined
  /** The key whose value comes next. */
  at: string
}

/**
 * The first key that an object of a valid JSON text has twice, of which `JSON.parse` would keep the last
 * silently; `undefined` when there is none. The keys that lead to it stand before it, as in `a.b`.
 */
export function repeatedKey(text: string): string | undefined {
  const open: Open[] = []
  MARK.lastIndex = 0
  for (let mark = MARK.exec(text); mark !== null; mark = MARK.exec(text)) {
    const [sign] = mark
    if (sign === '{') open.push({ keys: new Set(), at: '' })
    else if (sign === '[') open.push({ keys: undefined, at: '' })
    else if (sign !== '"') open.pop()
    else {
      STRING_END.lastIndex = MARK.lastIndex
      STRING_END.exec(text)
      const end = STRING_END.lastIndex
      COLON.lastIndex = end
      const inner = open.at(-1)
      if (inner?.keys !== undefined && COLON.test(text)) {
        const written = text.slice(mark.index, end)
        inner.at = written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1)
        if (inner.keys.has(inner.at)) return pathOf(open)
        inner.keys.add(inner.at)
      }
      MARK.lastIndex = end
    }
  }
  return undefined
}

function pathOf(open: readonly Open[]): string {
  return open.flatMap(({ keys, at }) => (keys === undefined ? [] : [at])).join('.')
}
