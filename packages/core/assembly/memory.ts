import { refuseMemory } from './host'

/*
 * Memory of one run: what is taken stays taken, and nothing moves. Memory that was never used is 0.
 */

const PAGE_BITS: usize = 16
/** Above 0, which stands for no record. */
let end: usize = (__heap_base + 64) & ~7

/** Takes so many bytes, all of them 0. */
export function take(bytes: usize): usize {
  const at = end
  end = (at + bytes + 7) & ~7
  if (end < at) refuseMemory()
  const pages = <i32>((end + (1 << PAGE_BITS) - 1) >>> PAGE_BITS)
  const missing = pages - memory.size()
  // A quarter more, so that this is rare.
  if (missing > 0 && memory.grow(max(missing, memory.size() >> 2)) < 0 && memory.grow(missing) < 0)
    refuseMemory()
  return at
}

/** A column of int32; its length is the business of whoever took it. */
@unmanaged
export class Ints {
  @operator('[]')
  get(i: i32): i32 {
    return load<i32>(changetype<usize>(this) + ((<usize>i) << 2))
  }

  @operator('[]=')
  set(i: i32, value: i32): void {
    store<i32>(changetype<usize>(this) + ((<usize>i) << 2), value)
  }
}

/** A column of float64. */
@unmanaged
export class Floats {
  @operator('[]')
  get(i: i32): f64 {
    return load<f64>(changetype<usize>(this) + ((<usize>i) << 3))
  }

  @operator('[]=')
  set(i: i32, value: f64): void {
    store<f64>(changetype<usize>(this) + ((<usize>i) << 3), value)
  }
}

/** A column of bytes. */
@unmanaged
export class Bytes {
  @operator('[]')
  get(i: i32): u8 {
    return load<u8>(changetype<usize>(this) + <usize>i)
  }

  @operator('[]=')
  set(i: i32, value: u8): void {
    store<u8>(changetype<usize>(this) + <usize>i, value)
  }
}

export function takeInts(count: i32): Ints {
  return changetype<Ints>(take((<usize>count) << 2))
}

export function takeFloats(count: i32): Floats {
  return changetype<Floats>(take((<usize>count) << 3))
}

export function takeBytes(count: i32): Bytes {
  return changetype<Bytes>(take(<usize>count))
}

/** Makes every entry -1. */
export function fillMinusOne(column: Ints, count: i32): void {
  memory.fill(changetype<usize>(column), 0xff, (<usize>count) << 2)
}

/** A list of int32 that grows. */
@unmanaged
export class List {
  data: Ints
  size: i32
  capacity: i32

  push(value: i32): void {
    if (this.size === this.capacity) this.grow()
    this.data[this.size++] = value
  }

  pop(): i32 {
    return this.data[--this.size]
  }

  /** The same where it may be absent. */
  removeIfThere(value: i32): void {
    for (let i = 0; i < this.size; i++) {
      if (this.data[i] !== value) continue
      this.remove(value)
      return
    }
  }

  /** Takes the first entry with a value out; the order of the others stays. */
  remove(value: i32): void {
    const data = this.data
    const last = this.size - 1
    let at = 0
    while (data[at] !== value) at++
    for (; at < last; at++) data[at] = data[at + 1]
    this.size = last
  }

  private grow(): void {
    const capacity = max(8, 2 * this.capacity)
    const data = takeInts(capacity)
    memory.copy(changetype<usize>(data), changetype<usize>(this.data), (<usize>this.size) << 2)
    this.data = data
    this.capacity = capacity
  }
}

export function takeLists(count: i32): usize {
  return take(<usize>count * offsetof<List>())
}

export function listAt(lists: usize, i: i32): List {
  return changetype<List>(lists + <usize>i * offsetof<List>())
}

/** Records of one size, each named by its address. */
@unmanaged
export class Pool {
  bytes: usize
  spare: usize
  next: usize
  last: usize

  /** An unused record; its fields hold whatever was there. */
  take(): usize {
    const spare = this.spare
    if (spare !== 0) {
      this.spare = load<usize>(spare)
      return spare
    }
    if (this.next === this.last) {
      this.next = take(this.bytes << 8)
      this.last = this.next + (this.bytes << 8)
    }
    const record = this.next
    this.next = record + this.bytes
    return record
  }

  give(record: usize): void {
    store<usize>(record, this.spare)
    this.spare = record
  }
}

/** An empty pool of records of a size. */
export function takePool(bytes: usize): Pool {
  const pool = changetype<Pool>(take(offsetof<Pool>()))
  pool.bytes = bytes
  return pool
}
