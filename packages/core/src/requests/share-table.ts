import type { PromptTree } from './prompt-tree.js'
import { INT_COLUMNS, OPTIONAL_COLUMNS } from './request-columns.js'
import type { RequestTable } from './request-table.js'
import { isShared, sharedFloat64, sharedInt32 } from './shared-columns.js'

/**
 * The same table with every column in shared memory, so that `postMessage` and `workerData` hand it
 * to a worker thread without copying a column (the strings are copied). What arrives is a
 * {@link RequestTable} again, to be used as it is and written to by nobody. Columns that are shared
 * already, as those of every table that was read, built or generated, stay where they are, and so do all in a page
 * that is not cross-origin isolated, which has no shared memory: `postMessage` copies them then.
 *
 * @example
 * new Worker(script, { workerData: shareTable(table) })
 */
export function shareTable(table: RequestTable): RequestTable {
  // Columns that are one array stay one: the copy of each is remembered.
  const copies = new Map<Int32Array, Int32Array>()
  const share = (column: Int32Array): Int32Array => {
    if (isShared(column)) return column
    let copy = copies.get(column)
    if (copy === undefined) {
      copy = sharedInt32(column.length)
      copy.set(column)
      copies.set(column, copy)
    }
    return copy
  }
  const { size, arrivalMs, strings, prompts } = table
  const columns: Partial<Record<(typeof INT_COLUMNS)[number], Int32Array>> = {}
  for (const name of INT_COLUMNS) columns[name] = share(table[name])
  const optional: Record<string, Int32Array | Float64Array> = {}
  for (const name of OPTIONAL_COLUMNS) {
    const column = table[name]
    if (column !== undefined) {
      optional[name] = column instanceof Int32Array ? share(column) : shareFloats(column)
    }
  }
  return {
    size,
    arrivalMs: shareFloats(arrivalMs),
    ...(columns as Record<(typeof INT_COLUMNS)[number], Int32Array>),
    ...optional,
    strings,
    prompts: shareTree(prompts, share),
  }
}

function shareFloats(column: Float64Array): Float64Array {
  if (isShared(column)) return column
  const copy = sharedFloat64(column.length)
  copy.set(column)
  return copy
}

function shareTree(tree: PromptTree, share: (column: Int32Array) => Int32Array): PromptTree {
  return {
    ...tree,
    parent: share(tree.parent),
    startTokens: share(tree.startTokens),
    endTokens: share(tree.endTokens),
  }
}
