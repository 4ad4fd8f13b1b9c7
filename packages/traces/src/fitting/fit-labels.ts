import type { RequestTable } from '@routesim/core'
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

/** Who sends the first turns of conversations: how many names there are and how popular, never the names. */
export function fitLabels(table: RequestTable, rows: readonly number[]): Labels {
  const tenants = choiceOf(table.tenant, rows)
  const users = choiceOf(table.user, rows)
  const models = choiceOf(table.model, rows)
  const adapters = choiceOf(table.adapter, rows)
  const classes = classesOf(table, rows)
  const priorities = rows.some((row) => table.priority[row] !== 0) && classes === undefined
  return {
    ...(tenants && { tenants }),
    // Every tenant has users of its own.
    ...(users && { users: { ...users, count: Math.ceil(users.count! / (tenants?.count ?? 1)) } }),
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
}

/** Nothing unless all have a name. */
function choiceOf(column: Int32Array, rows: readonly number[]): Choice | undefined {
  const counts = [...countsOf(rows.map((row) => column[row]!)).values()]
  if (counts.reduce((sum, count) => sum + count, 0) < rows.length) return undefined
  const zipfExponent = rounded(zipfExponentOf(counts), 3)
  return { count: counts.length, ...(zipfExponent > 0 && { zipfExponent }) }
}

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
  const isAny = promises.some(
    ({ row }) =>
      (table.sloClass?.[row] ?? -1) >= 0 ||
      table.ttftSloMs[row]! > 0 ||
      !Number.isNaN(table.deadlineMs?.[row] ?? Number.NaN),
  )
  if (!isAny || promises.length > MOST_CLASSES) return undefined
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
