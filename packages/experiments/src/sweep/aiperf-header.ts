/**
 * A metric as AIPerf's tables call it: `Time to First Token (ms)`. Counts of requests have no unit there.
 *
 * @example
 * aiperfHeader('time_to_first_token', 'ms') // => 'Time to First Token (ms)'
 */
export function aiperfHeader(tag: string, unit: string): string {
  const words = tag
    .split('_')
    .map((word) => (word === 'to' ? word : word[0]!.toUpperCase() + word.slice(1)))
  return unit === 'requests' ? words.join(' ') : `${words.join(' ')} (${unit})`
}
