import type { TraceColumns } from '../columns/trace-columns.js'

/** A note on requests that declare a longer prefix than they have a prompt: all of it is taken. */
export function cutPrefixes({ size, prefixTokens, requests }: TraceColumns): string[] {
  if (!prefixTokens.isUsed) return []
  const { promptTokens } = requests
  let count = 0
  let first = 0
  for (let row = size - 1; row >= 0; row--) {
    if (prefixTokens.get(row) <= promptTokens.get(row)) continue
    count++
    first = row
  }
  if (count === 0) return []
  const [who, their] = count === 1 ? ['request declares', 'its'] : ['requests declare', 'their']
  return [
    `${count} ${who} a prefix longer than ${their} prompt, which is cut to it (first: ${prefixTokens.get(first)} tokens, of a prompt of ${promptTokens.get(first)})`,
  ]
}
