/** Samples of one metric over all its label sets. */
export interface MetricSum {
  readonly sum: number
  readonly count: number
}

/**
 * Sums the samples of each metric over all label sets; lines that are no samples are left out.
 *
 * @param wanted - names to keep
 */
export function sumMetrics(text: string, wanted: ReadonlySet<string>): Map<string, MetricSum> {
  const sums = new Map<string, MetricSum>()
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const line = text.slice(start, end)
    start = end + 1
    if (line.startsWith('#')) continue
    const name = /^[\w:]+/.exec(line)?.[0]
    if (name === undefined || !wanted.has(name)) continue
    // Label values may hold spaces and braces, but a sample ends with its value and perhaps a time.
    const after = line.slice(line.lastIndexOf('}') + 1 || name.length).trim()
    const value = Number(after.split(' ', 1)[0])
    if (!Number.isFinite(value)) continue
    const { sum, count } = sums.get(name) ?? { sum: 0, count: 0 }
    sums.set(name, { sum: sum + value, count: count + 1 })
  }
  return sums
}
