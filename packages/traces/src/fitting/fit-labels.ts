import type { RequestTable } from '@routesim/core'
import { groupsOf } from '../generating/labels.js'
import type { Choice, ClientSpec, ServiceClass } from '../generating/workload-spec.js'
import { fitDistribution } from './fit-distribution.js'
import { countsOf, zipfExponentOf } from './fit-popularity.js'
import { rounded } from './rounded.js'

/** Classes beyond which what they promise is not told one by one. */
const MOST_CLASSES = 16

type Labels = Pick<
  ClientSpec,
  'tenants' | 'users' | 'models' | 'adapters' | 'priorities' | 'classes'
>

/** What is fitted, and columns that say something of which it tells nothing. */
interface FittedLabels {
  readonly labels: Labels
  readonly lost: readonly string[]
}

/** Who sends the first turns of conversations: how many names there are and how popular, never the names. */
export function fitLabels(table: RequestTable, rows: readonly number[]): FittedLabels {
  const tenants = choiceOf(table.tenant, rows)
  const groups = tenants === undefined ? 1 : groupsOf(tenants)
  const users = choiceOf(table.user, rows)
  const models = choiceOf(table.model, rows)
  const adapters = choiceOf(table.adapter, rows)
  const promised = PROMISES.filter((column) => rows.some((row) => says(table, column, row)))
  const classes = promised.length === 0 ? undefined : classesOf(table, rows)
  const priorities = rows.some((row) => table.priority[row] !== 0) && classes === undefined
  const labels = {
    ...(tenants && { tenants }),
    // Every tenant has users of its own.
    ...(users && { users: { ...users, count: Math.ceil(users.count! / groups) } }),
    ...(models && { models }),
    ...(adapters && { adapters }),
    ...(classes && { classes }),
    ...(priorities && {
      priorities: fitDistribution(
        Float64Array.from(rows, (row) => table.priority[row]!),
        true,
      ),
    }),
  }
  return { labels, lost: classes === undefined ? promised : [] }
}

/** Nothing if none has a name. */
function choiceOf(column: Int32Array, rows: readonly number[]): Choice | undefined {
  const counts = [...countsOf(rows.map((row) => column[row]!)).values()]
  if (counts.length === 0) return undefined
  const zipfExponent = rounded(zipfExponentOf(counts), 3)
  const share = rounded(counts.reduce((sum, count) => sum + count, 0) / rows.length)
  return {
    count: counts.length,
    ...(zipfExponent > 0 && { zipfExponent }),
    ...(share < 1 && { share }),
  }
}

/** What requests are promised, beside their priority. */
const PROMISES = ['sloClass', 'ttftSloMs', 'deadlineMs'] as const

function says(table: RequestTable, column: (typeof PROMISES)[number], row: number): boolean {
  switch (column) {
    case 'sloClass':
      return (table.sloClass?.[row] ?? -1) >= 0
    case 'ttftSloMs':
      return table.ttftSloMs[row]! > 0
    case 'deadlineMs':
      return !Number.isNaN(table.deadlineMs?.[row] ?? Number.NaN)
  }
}

/** Nothing when there are too many. */
function classesOf(table: RequestTable, rows: readonly number[]): ServiceClass[] | undefined {
  const found = new Map<string, { row: number; count: number }>()
  for (const row of rows) {
    const own = [table.sloClass?.[row], table.priority[row], table.ttftSloMs[row]]
    const key = [...own, table.deadlineMs?.[row]].join()
    const known = found.get(key)
    if (known === undefined) found.set(key, { row, count: 1 })
    else known.count++
  }
  const promises = [...found.values()]
  if (promises.length > MOST_CLASSES) return undefined
  return promises.map(({ row, count }, i) => {
    const [priority, ttftMs] = [table.priority[row]!, table.ttftSloMs[row]!]
    const deadlineMs = table.deadlineMs?.[row] ?? Number.NaN
    return {
      name: `class${i}`,
      weight: rounded(count / rows.length),
      ...(priority !== 0 && { priority }),
      ...(ttftMs > 0 && { ttftMs }),
      ...(deadlineMs >= 0 && { deadlineMs }),
    }
  })
}
