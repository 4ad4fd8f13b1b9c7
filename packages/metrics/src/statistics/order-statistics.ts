import { HIGH_WORD } from './float-words.js'

/** Below this size a plain sort is as fast. */
const SORT_ALL_BELOW = 16384
/** Bits of the high word (sign, exponent, 6 bits of mantissa) that choose a bucket. */
const KEY_BITS = 18

/**
 * The values at some positions of the sorted column, without sorting it all: values are counted by
 * their leading float bits, which order them, and only buckets that hold a wanted position are sorted.
 * @param column - unchanged; NaN stands for an absent value and is left out
 * @param ranksOf - the wanted positions, ascending, once the number of values is known
 */
export function orderStatistics(
  column: Float64Array,
  ranksOf: (count: number) => readonly number[],
): number[] {
  if (column.length < SORT_ALL_BELOW) {
    const sorted = column.filter((value) => !Number.isNaN(value)).sort()
    return ranksOf(sorted.length).map((rank) => sorted[rank]!)
  }
  const words = new Uint32Array(column.buffer, column.byteOffset, column.length * 2)
  const buckets = new Uint32Array(1 << KEY_BITS)
  let count = 0
  for (let i = 0; i < column.length; i++) {
    if (Number.isNaN(column[i]!)) continue
    buckets[bucketOf(words[2 * i + HIGH_WORD]!)]!++
    count++
  }
  const ranks = ranksOf(count)
  const { wanted, before } = bucketsHolding(ranks, buckets)
  const members = wanted.map((bucket) => new Float64Array(buckets[bucket]!))
  gather(column, words, buckets, wanted, members)
  for (const values of members) values.sort()
  let group = 0
  return ranks.map((rank) => {
    while (rank >= before[group]! + members[group]!.length) group++
    return members[group]![rank - before[group]!]!
  })
}

/** Leading bits, changed so that they ascend with the number: negative floats descend. */
function bucketOf(highWord: number): number {
  const ordered = highWord >>> 31 === 1 ? ~highWord : highWord | 0x80000000
  return ordered >>> (32 - KEY_BITS)
}

/** Buckets in which the ascending ranks fall, and how many values come before each of them. */
function bucketsHolding(
  ranks: readonly number[],
  buckets: Uint32Array,
): { wanted: number[]; before: number[] } {
  const wanted: number[] = []
  const before: number[] = []
  let seen = 0
  let next = 0
  for (let bucket = 0; bucket < buckets.length && next < ranks.length; bucket++) {
    const end = seen + buckets[bucket]!
    if (ranks[next]! < end) {
      wanted.push(bucket)
      before.push(seen)
      while (next < ranks.length && ranks[next]! < end) next++
    }
    seen = end
  }
  return { wanted, before }
}

/** Copies the values of the wanted buckets out of the column. Overwrites the counts in `buckets`. */
function gather(
  column: Float64Array,
  words: Uint32Array,
  buckets: Uint32Array,
  wanted: readonly number[],
  members: readonly Float64Array[],
): void {
  buckets.fill(0)
  for (let group = 0; group < wanted.length; group++) buckets[wanted[group]!] = group + 1
  const filled = new Uint32Array(wanted.length)
  for (let i = 0; i < column.length; i++) {
    if (Number.isNaN(column[i]!)) continue
    const group = buckets[bucketOf(words[2 * i + HIGH_WORD]!)]! - 1
    if (group >= 0) members[group]![filled[group]!++] = column[i]!
  }
}
