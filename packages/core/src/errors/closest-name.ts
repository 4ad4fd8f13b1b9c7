/**
 * The candidate nearest to a mistyped name by edit distance, or `undefined` when none is near
 * enough (more than a third of the longer name's letters differ) to be worth suggesting. Case,
 * `-` and `_` do not count as differences.
 *
 * @example
 * closestName('round_robbin', ['round_robin', 'random']) // => 'round_robin'
 */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = fold(name)
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const other = fold(candidate)
    const distance = editDistance(wanted, other)
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, other.length) / 3))
    if (distance <= limit && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[-_\s]/g, '')
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitute, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
