/** Largest distance between the distribution functions of two samples, which are put in order. */
export function twoSampleDistance(one: Float64Array, other: Float64Array): number {
  one.sort()
  other.sort()
  let largest = 0
  let i = 0
  let j = 0
  while (i < one.length && j < other.length) {
    const value = Math.min(one[i]!, other[j]!)
    while (i < one.length && one[i]! <= value) i++
    while (j < other.length && other[j]! <= value) j++
    largest = Math.max(largest, Math.abs(i / one.length - j / other.length))
  }
  return largest
}

/** Spearman's rank correlation, equal values sharing their mean rank; 0 when all of one are equal. */
export function rankCorrelation(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [ranks(one), ranks(other)]
  const middle = (one.length + 1) / 2
  let [both, ofA, ofB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    both += (a[i]! - middle) * (b[i]! - middle)
    ofA += (a[i]! - middle) ** 2
    ofB += (b[i]! - middle) ** 2
  }
  return ofA === 0 || ofB === 0 ? 0 : both / Math.sqrt(ofA * ofB)
}

function ranks(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const found = new Float64Array(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from + 1
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++
    for (let i = from; i < to; i++) found[order[i]!] = (from + 1 + to) / 2
    from = to
  }
  return found
}
