/** A value as a message shows it: strings in quotes, so that `"12"` is not mistaken for a number. */
export function shown(found: unknown): string {
  if (found instanceof Promise) return 'a promise'
  if (typeof found === 'function') return 'a function'
  if (typeof found === 'number' || typeof found === 'bigint') return String(found)
  try {
    return JSON.stringify(found) ?? String(found)
  } catch {
    return 'an object'
  }
}

/** The same of what may have been left out: `nothing` then. */
export function shownIfAny(found: unknown): string {
  return found === undefined ? 'nothing' : shown(found)
}
