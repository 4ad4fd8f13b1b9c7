import type { ClusterView } from '@routesim/core'

/** A column with an entry per backend id of the cluster: the one given, or zeros when it is too short. */
export function columnFor(
  column: Float64Array<ArrayBuffer>,
  { columns }: ClusterView,
): Float64Array<ArrayBuffer> {
  const size = columns.waiting.length
  return column.length < size ? new Float64Array(size) : column
}

/** A column that is at least as long, with the entries of the one before; the same column is left as it is. */
export function grown<Column extends Int32Array | Uint8Array | Float64Array>(
  before: Column,
  after: Column,
): Column {
  if (after !== before) after.set(before)
  return after
}

/** A full ring from its first entry on, in a longer column: its head is then 0. */
export function unrolled<Column extends Int32Array | Float64Array>(
  ring: Column,
  head: number,
  after: Column,
): Column {
  after.set(ring.subarray(head))
  after.set(ring.subarray(0, head), ring.length - head)
  return after
}
