// Fields of an entry.
const FINISH = 0
const ADMISSION = 1
const REQUEST = 2
export const HEAP_FIELDS = 4

/*
 * Decoding requests by the step in which they finish, and among equals by admission: binary heaps, one per
 * backend, in one array. Each function is told at which entry the heap begins and how many it has.
 */

/** Step in which the first request finishes; the heap must not be empty. */
export function firstFinish(heap: Int32Array, first: number): number {
  return heap[first * HEAP_FIELDS + FINISH]!
}

/** The i-th entry; entries after the first are in no particular order. */
export function requestAt(heap: Int32Array, first: number, i: number): number {
  return heap[(first + i) * HEAP_FIELDS + REQUEST]!
}

export function admissionAt(heap: Int32Array, first: number, i: number): number {
  return heap[(first + i) * HEAP_FIELDS + ADMISSION]!
}

/** Adds an entry to a heap of `size`. */
export function pushFinish(
  heap: Int32Array,
  first: number,
  size: number,
  finish: number,
  admission: number,
  request: number,
): void {
  rise(heap, first, size, finish, admission, request)
}

/** Takes the i-th of `size` entries out. */
export function removeFinish(heap: Int32Array, first: number, size: number, i: number): void {
  const last = size - 1
  if (i === last) return
  const from = (first + last) * HEAP_FIELDS
  const finish = heap[from + FINISH]!
  const admission = heap[from + ADMISSION]!
  const request = heap[from + REQUEST]!
  const above = (first + ((i - 1) >> 1)) * HEAP_FIELDS
  if (i > 0 && isBefore(finish, admission, heap, above)) {
    rise(heap, first, i, finish, admission, request)
  } else sink(heap, first, last, i, finish, admission, request)
}

/** Takes a number of steps off every finish. */
export function shiftFinishes(heap: Int32Array, first: number, size: number, steps: number): void {
  for (let i = 0; i < size; i++) {
    const at = (first + i) * HEAP_FIELDS + FINISH
    heap[at] = heap[at]! - steps
  }
}

function rise(
  heap: Int32Array,
  first: number,
  from: number,
  finish: number,
  admission: number,
  request: number,
): void {
  let i = from
  while (i > 0) {
    const parent = (i - 1) >> 1
    const above = (first + parent) * HEAP_FIELDS
    if (!isBefore(finish, admission, heap, above)) break
    move(heap, above, (first + i) * HEAP_FIELDS)
    i = parent
  }
  place(heap, (first + i) * HEAP_FIELDS, finish, admission, request)
}

function sink(
  heap: Int32Array,
  first: number,
  size: number,
  from: number,
  finish: number,
  admission: number,
  request: number,
): void {
  let i = from
  for (;;) {
    let child = 2 * i + 1
    if (child >= size) break
    let below = (first + child) * HEAP_FIELDS
    const other = below + HEAP_FIELDS
    if (
      child + 1 < size &&
      isBefore(heap[other + FINISH]!, heap[other + ADMISSION]!, heap, below)
    ) {
      child++
      below = other
    }
    if (isBefore(finish, admission, heap, below)) break
    move(heap, below, (first + i) * HEAP_FIELDS)
    i = child
  }
  place(heap, (first + i) * HEAP_FIELDS, finish, admission, request)
}

function isBefore(finish: number, admission: number, heap: Int32Array, other: number): boolean {
  const otherFinish = heap[other + FINISH]!
  return finish !== otherFinish ? finish < otherFinish : admission < heap[other + ADMISSION]!
}

function move(heap: Int32Array, from: number, to: number): void {
  heap[to + FINISH] = heap[from + FINISH]!
  heap[to + ADMISSION] = heap[from + ADMISSION]!
  heap[to + REQUEST] = heap[from + REQUEST]!
}

function place(
  heap: Int32Array,
  at: number,
  finish: number,
  admission: number,
  request: number,
): void {
  heap[at + FINISH] = finish
  heap[at + ADMISSION] = admission
  heap[at + REQUEST] = request
}
