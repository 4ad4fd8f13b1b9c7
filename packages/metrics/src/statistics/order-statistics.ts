import type { Extent } from './extent.js'
import { HIGH_WORD } from './float-words.js'
import { ValueGroup } from './value-group.js'

/** Below this size a plain sort is as fast. */
const SORT_ALL_BELOW = 16384
/** Buckets in which values are counted, so few that the counts stay close to the processor. */
const MOST_BUCKETS = 1 << 16
/** Octaves below the largest value that have buckets of their own: all but the least latencies. */
const OCTAVES = 24
/** Bits of the mantissa in a high word. */
const MANTISSA_BITS = 20

/**
 * The values at some positions of the sorted column, without sorting it all: values are counted by
 * their leading float bits, which order them, and only buckets that hold a wanted position are sorted.
 * @param column - unchanged; NaN stands for an absent value and is left out
 * @param extent - of the column
 * @param ranks - the wanted positions, ascending
 */
export function orderStatistics(
  column: Float64Array,
  extent: Extent,
  ranks: readonly number[],
): number[] {
  if (column.length < SORT_ALL_BELOW) {
    const sorted = column.filter((value) => !Number.isNaN(value)).sort()
    return ranks.map((rank) => sorted[rank]!)
  }
  const words = new Int32Array(column.buffer, column.byteOffset, column.length * 2)
  const { from, shift } = bucketsFor(extent)
  const buckets = new Int32Array(MOST_BUCKETS + 3)
  count(column, words, from, shift, buckets)
  const { wanted, before } = bucketsHolding(ranks, buckets)
  const groups = wanted.map((bucket) => new ValueGroup(buckets[bucket]!))
  buckets.fill(0)
  for (let group = 0; group < wanted.length; group++) buckets[wanted[group]!] = group + 1
  gather(column, words, from, shift, buckets, groups)
  for (const group of groups) group.sort()
  let group = 0
  return ranks.map((rank) => {
    while (rank >= before[group]! + groups[group]!.size) group++
    return groups[group]!.at(rank - before[group]!)
  })
}

/** Counts the values of each bucket. */
function count(
  column: Float64Array,
  words: Int32Array,
  from: number,
  shift: number,
  buckets: Int32Array,
): void {
  for (let i = 0, word: number = HIGH_WORD; i < column.length; i++, word += 2) {
    if (Number.isNaN(column[i]!)) continue
    const bucket = bucketOf(words[word]!, from, shift)
    buckets[bucket] = (buckets[bucket]! + 1) | 0
  }
}

/** Copies values out of the column; a bucket names the group of its values, counted from 1. */
function gather(
  column: Float64Array,
  words: Int32Array,
  from: number,
  shift: number,
  groupOf: Int32Array,
  groups: readonly ValueGroup[],
): void {
  for (let i = 0, word: number = HIGH_WORD; i < column.length; i++, word += 2) {
    const group = groupOf[bucketOf(words[word]!, from, shift)]!
    if (group > 0 && !Number.isNaN(column[i]!)) groups[group - 1]!.push(column[i]!)
  }
}

/** High words as integers that ascend with the number: those of negative floats descend. */
function keyOf(highWord: number): number {
  return highWord ^ ((highWord >> 31) & 0x7fffffff)
}

/**
 * The first two buckets hold the keys below `from`, zeros apart from what is little more; each other
 * one holds the next `2^shift` keys.
 */
function bucketOf(highWord: number, from: number, shift: number): number {
  const key = keyOf(highWord)
  if (key < from) return key > 0 ? 1 : 0
  return ((key - from) >>> shift) + 2
}

/** Buckets that cover a column. */
function bucketsFor({ min, max }: Extent): { from: number; shift: number } {
  const bounds = Float64Array.of(min, max)
  const words = new Int32Array(bounds.buffer)
  const highest = keyOf(words[2 + HIGH_WORD]!)
  const from = Math.max(keyOf(words[HIGH_WORD]!), highest - (OCTAVES << MANTISSA_BITS))
  let shift = 0
  while ((highest - from) >>> shift >= MOST_BUCKETS) shift++
  return { from, shift }
}

/** Buckets in which the ascending ranks fall, and how many values come before each of them. */
function bucketsHolding(
  ranks: readonly number[],
  buckets: Int32Array,
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
