/**
 * Writes the places of the least of some numbers, ascending. All addresses are in bytes.
 * @param costs - where the numbers are, float64
 * @param places - where the places go, int32
 * @returns how many places there are, -1 when one of the numbers is NaN
 */
export function leastPlaces(costs: usize, size: i32, places: usize): i32 {
  const end = costs + ((<usize>size) << 3)
  const endOfFours = costs + ((<usize>(size & ~3)) << 3)
  let evens = f64x2.splat(Infinity)
  let odds = evens
  let strange = i64x2.splat(0)
  let at = costs
  for (; at < endOfFours; at += 32) {
    const first = v128.load(at)
    const second = v128.load(at, 16)
    evens = f64x2.pmin(evens, first)
    odds = f64x2.pmin(odds, second)
    strange = v128.or(strange, v128.or(f64x2.ne(first, first), f64x2.ne(second, second)))
  }
  evens = f64x2.pmin(evens, odds)
  let least = min(f64x2.extract_lane(evens, 0), f64x2.extract_lane(evens, 1))
  for (; at < end; at += 8) least = min(least, load<f64>(at))
  if (Number.isNaN(least) || v128.any_true(strange)) return -1
  const leasts = f64x2.splat(least)
  let found = places
  for (at = costs; at < endOfFours; at += 32) {
    const first = i64x2.bitmask(f64x2.eq(v128.load(at), leasts))
    const second = i64x2.bitmask(f64x2.eq(v128.load(at, 16), leasts))
    for (let four = first | (second << 2); four !== 0; four &= four - 1) {
      store<i32>(found, <i32>((at - costs) >> 3) + ctz(four))
      found += 4
    }
  }
  for (; at < end; at += 8) {
    if (load<f64>(at) !== least) continue
    store<i32>(found, <i32>((at - costs) >> 3))
    found += 4
  }
  return <i32>((found - places) >> 2)
}

/**
 * The same of whole numbers.
 * @param costs - where the numbers are, int32
 */
export function leastPlacesOfIntegers(costs: usize, size: i32, places: usize): i32 {
  const end = costs + ((<usize>size) << 2)
  const endOfEights = costs + ((<usize>(size & ~7)) << 2)
  let evens = i32x4.splat(i32.MAX_VALUE)
  let odds = evens
  let at = costs
  for (; at < endOfEights; at += 32) {
    evens = i32x4.min_s(evens, v128.load(at))
    odds = i32x4.min_s(odds, v128.load(at, 16))
  }
  evens = i32x4.min_s(evens, odds)
  let least = min(
    min(i32x4.extract_lane(evens, 0), i32x4.extract_lane(evens, 1)),
    min(i32x4.extract_lane(evens, 2), i32x4.extract_lane(evens, 3)),
  )
  for (; at < end; at += 4) least = min(least, load<i32>(at))
  const leasts = i32x4.splat(least)
  let found = places
  for (at = costs; at < endOfEights; at += 32) {
    const first = i32x4.bitmask(i32x4.eq(v128.load(at), leasts))
    const second = i32x4.bitmask(i32x4.eq(v128.load(at, 16), leasts))
    for (let eight = first | (second << 4); eight !== 0; eight &= eight - 1) {
      store<i32>(found, <i32>((at - costs) >> 2) + ctz(eight))
      found += 4
    }
  }
  for (; at < end; at += 4) {
    if (load<i32>(at) !== least) continue
    store<i32>(found, <i32>((at - costs) >> 2))
    found += 4
  }
  return <i32>((found - places) >> 2)
}
