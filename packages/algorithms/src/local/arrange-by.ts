import type { WaitingRequests } from '@routesim/core'

/** Sorts an order by a score of each waiting request, the smallest first, first come among equals. */
export function arrangeBy(
  { size }: WaitingRequests,
  order: Int32Array,
  score: (i: number) => number,
): void {
  const scores = Float64Array.from({ length: size }, (_, i) => score(i))
  order.sort((a, b) => scores[a]! - scores[b]! || a - b)
}
