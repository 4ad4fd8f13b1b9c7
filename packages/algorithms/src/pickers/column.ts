import type { ClusterView } from '@routesim/core'

/** A column with an entry per backend id of the cluster: the one given, or zeros when it is too short. */
export function columnFor(
  column: Float64Array<ArrayBuffer>,
  { columns }: ClusterView,
): Float64Array<ArrayBuffer> {
  const size = columns.waiting.length
  return column.length < size ? new Float64Array(size) : column
}

/** A column that is longer, with the entries of the one before. */
export function grown<Column extends Int32Array | Uint8Array | Float64Array>(
  before: Column,
  after: Column,
): Column {
  if (after !== before) after.set(before)
  return after
}
