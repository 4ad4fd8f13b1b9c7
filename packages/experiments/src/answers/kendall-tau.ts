/**
 * Kendall's tau-b of two rankings of the same things: 1 for the same order, -1 for the reverse, about 0
 * for unrelated ones; ties count for neither (Kendall 1945). Null when either has nothing but ties.
 */
export function kendallTau(a: readonly number[], b: readonly number[]): number | null {
  let agreement = 0
  let pairsInA = 0
  let pairsInB = 0
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const inA = order(a[i]!, a[j]!)
      const inB = order(b[i]!, b[j]!)
      agreement += inA * inB
      pairsInA += inA * inA
      pairsInB += inB * inB
    }
  }
  return pairsInA === 0 || pairsInB === 0 ? null : agreement / Math.sqrt(pairsInA * pairsInB)
}

/** Without a difference, which two infinite values do not have. */
function order(a: number, b: number): number {
  return a === b ? 0 : a > b ? 1 : -1
}
