/*
 * When decoding requests need their next KV block. The residue of a request, (computed tokens - step
 * counter) mod block size, does not change while it decodes, and it needs a block in the step at whose
 * counter the sum of both is 0 mod block size. So counts per residue tell how many blocks k steps need.
 *
 * The counts of all backends stand in one array; each function is told where those of a backend begin.
 */

/** A request with so many computed tokens joins (+1) or leaves (-1) before the step `counter`. */
export function changeGrowth(
  counts: Int32Array,
  first: number,
  blockTokens: number,
  computedTokens: number,
  counter: number,
  by: 1 | -1,
): void {
  const difference = (computedTokens % blockTokens) - (counter % blockTokens)
  const at = first + (difference < 0 ? difference + blockTokens : difference)
  counts[at] = counts[at]! + by
}

/** Blocks that `requests` requests need in the k steps from `counter` on. */
export function growthOver(
  counts: Int32Array,
  first: number,
  blockTokens: number,
  requests: number,
  counter: number,
  k: number,
): number {
  let rest = k
  let blocks = 0
  if (k >= blockTokens) {
    const whole = (k / blockTokens) | 0
    blocks = whole * requests
    rest = k - whole * blockTokens
  }
  let residue = due(counter, blockTokens)
  for (; rest > 0; rest--) {
    blocks += counts[first + residue]!
    residue = residue === 0 ? blockTokens - 1 : residue - 1
  }
  return blocks
}

/** The first k >= 1 such that some request completes a block in the k-th step from `counter` on; 2^30 without requests. */
export function stepsToCompletion(
  counts: Int32Array,
  first: number,
  blockTokens: number,
  counter: number,
): number {
  let residue = due(counter, blockTokens)
  for (let k = 1; k <= blockTokens; k++) {
    residue = residue === 0 ? blockTokens - 1 : residue - 1
    if (counts[first + residue]! > 0) return k
  }
  return 2 ** 30
}

/** The residue of the requests that need a block in a step. Kept clear of -0, which V8 is slow at. */
function due(counter: number, blockTokens: number): number {
  const rest = counter % blockTokens
  return rest === 0 ? 0 : blockTokens - rest
}
