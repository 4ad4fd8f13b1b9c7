import { RouteSimError } from '../errors/routesim-error.js'
import { PromptTreeBuilder } from './prompt-tree-builder.js'
import type { RequestTable } from './request-table.js'

/** One request as a plain record, for {@link RequestTableBuilder.add}. Only three fields are required. */
export interface RequestRecord {
  /** Virtual time of arrival in ms, finite and not negative. */
  readonly arrivalMs: number
  /** At least 1. */
  readonly promptTokens: number
  /** At least 0. */
  readonly outputTokens: number
  /** Declared output limit; the true output length when absent. */
  readonly maxTokens?: number
  /** Deepest node of the content in {@link RequestTableBuilder.prompts}, -1 for none. */
  readonly promptNode?: number
  /** Leading tokens declared as shareable. */
  readonly prefixTokens?: number
  readonly session?: string
  readonly user?: string
  readonly tenant?: string
  readonly model?: string
  readonly adapter?: string
  readonly priority?: number
}

const FLOAT_COLUMNS = ['arrivalMs'] as const
const INT_COLUMNS = [
  'promptTokens',
  'outputTokens',
  'maxTokens',
  'promptNode',
  'prefixTokens',
  'session',
  'user',
  'tenant',
  'model',
  'adapter',
  'priority',
] as const
type Columns = { [K in (typeof FLOAT_COLUMNS)[number]]: Float64Array } & {
  [K in (typeof INT_COLUMNS)[number]]: Int32Array
}

/**
 * Builds a {@link RequestTable} row by row. Rows may come in any order; `build` sorts them by
 * arrival, keeping the order of rows that arrive together.
 *
 * @example
 * const builder = new RequestTableBuilder()
 * builder.add({ arrivalMs: 0, promptTokens: 512, outputTokens: 100 })
 * const table = builder.build()
 */
export class RequestTableBuilder {
  /** Interns what prompts share; its nodes are what `promptNode` names. */
  readonly prompts: PromptTreeBuilder = new PromptTreeBuilder()
  private columns = allocate(1024)
  private count = 0
  private readonly strings: string[] = []
  private readonly stringIds = new Map<string, number>()

  /** Rows added so far. */
  get size(): number {
    return this.count
  }

  /**
   * Appends one request.
   * @returns the row's position before sorting
   * @throws RouteSimError `request_invalid` when a number is out of range
   */
  add(request: RequestRecord): number {
    const row = this.count
    check(row, 'arrivalMs', request.arrivalMs, 'a number', 0)
    check(row, 'promptTokens', request.promptTokens, 'an integer', 1)
    check(row, 'outputTokens', request.outputTokens, 'an integer', 0)
    const maxTokens = request.maxTokens ?? request.outputTokens
    check(row, 'maxTokens', maxTokens, 'an integer', 0)
    const prefixTokens = request.prefixTokens ?? 0
    check(row, 'prefixTokens', prefixTokens, 'an integer', 0)
    if (row === this.columns.arrivalMs.length) this.columns = allocate(row * 2, this.columns)
    const c = this.columns
    c.arrivalMs[row] = request.arrivalMs
    c.promptTokens[row] = request.promptTokens
    c.outputTokens[row] = request.outputTokens
    c.maxTokens[row] = maxTokens
    c.promptNode[row] = request.promptNode ?? -1
    c.prefixTokens[row] = Math.min(prefixTokens, request.promptTokens)
    c.session[row] = this.intern(request.session)
    c.user[row] = this.intern(request.user)
    c.tenant[row] = this.intern(request.tenant)
    c.model[row] = this.intern(request.model)
    c.adapter[row] = this.intern(request.adapter)
    c.priority[row] = request.priority ?? 0
    this.count = row + 1
    return row
  }

  /** The finished table. The builder can not be used afterwards. */
  build(): RequestTable {
    const size = this.count
    const { tree, renumbered } = this.prompts.build()
    if (renumbered !== undefined) {
      const nodes = this.columns.promptNode
      for (let i = 0; i < size; i++) if (nodes[i]! >= 0) nodes[i] = renumbered[nodes[i]!]!
    }
    const arrivals = this.columns.arrivalMs
    let sorted = true
    for (let i = 1; i < size && sorted; i++) sorted = arrivals[i - 1]! <= arrivals[i]!
    const columns = sorted
      ? trim(this.columns, size)
      : permute(this.columns, byArrival(arrivals, size))
    return { size, ...columns, strings: this.strings, prompts: tree }
  }

  private intern(value: string | undefined): number {
    if (value === undefined) return -1
    let id = this.stringIds.get(value)
    if (id === undefined) {
      id = this.strings.push(value) - 1
      this.stringIds.set(value, id)
    }
    return id
  }
}

function check(row: number, field: string, value: number, kind: string, minimum: number): void {
  const whole = kind === 'a number' || (Number.isInteger(value) && value <= 0x7fffffff)
  if (Number.isFinite(value) && whole && value >= minimum) return
  throw new RouteSimError(
    `request ${row}: ${field}: expected ${kind} >= ${minimum}, got ${value}`,
    { code: 'request_invalid', path: field },
  )
}

function allocate(capacity: number, from?: Columns): Columns {
  const columns: Record<string, Float64Array | Int32Array> = {}
  for (const name of FLOAT_COLUMNS) columns[name] = new Float64Array(capacity)
  for (const name of INT_COLUMNS) columns[name] = new Int32Array(capacity)
  if (from) for (const name of [...FLOAT_COLUMNS, ...INT_COLUMNS]) columns[name]!.set(from[name])
  return columns as Columns
}

function trim(columns: Columns, size: number): Columns {
  const out: Record<string, Float64Array | Int32Array> = {}
  for (const name of [...FLOAT_COLUMNS, ...INT_COLUMNS]) out[name] = columns[name].slice(0, size)
  return out as Columns
}

/** Row numbers in order of arrival; rows that arrive together keep their order. */
function byArrival(arrivals: Float64Array, size: number): Int32Array {
  const order = Int32Array.from({ length: size }, (_, i) => i)
  return order.sort((i, j) => arrivals[i]! - arrivals[j]! || i - j)
}

function permute(columns: Columns, order: Int32Array): Columns {
  const out = allocate(order.length)
  for (const name of [...FLOAT_COLUMNS, ...INT_COLUMNS]) {
    const from = columns[name]
    const to = out[name]
    for (let i = 0; i < order.length; i++) to[i] = from[order[i]!]!
  }
  return out
}
