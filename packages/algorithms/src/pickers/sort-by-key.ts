/**
 * Puts the first `count` ids in order of a key by id, rising for a sign of 1 and falling for -1, equals by id.
 * Shell sort in place with the gaps of Knuth, (3^k - 1) / 2: O(n^(3/2)), no allocation.
 */
export function sortByKey(
  ids: Int32Array,
  count: number,
  keys: ArrayLike<number>,
  sign: 1 | -1,
): void {
  let gap = 1
  while (gap < count / 3) gap = 3 * gap + 1
  for (; gap >= 1; gap = Math.floor(gap / 3)) {
    for (let i = gap; i < count; i++) {
      const id = ids[i]!
      const key = sign * keys[id]!
      let at = i
      for (; at >= gap; at -= gap) {
        const other = ids[at - gap]!
        const known = sign * keys[other]!
        if (known < key || (known === key && other < id)) break
        ids[at] = other
      }
      ids[at] = id
    }
  }
}
