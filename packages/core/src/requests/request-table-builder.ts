import { RouteSimError } from '../errors/routesim-error.js'
import { shownIfAny } from '../errors/shown.js'
import { NO_NODE } from './prompt-tree.js'
import { PromptTreeBuilder } from './prompt-tree-builder.js'
import { RequestColumns } from './request-columns.js'
import type { RequestTable } from './request-table.js'
import { separateAdapters } from './separate-adapters.js'

/** One request as a plain record, for {@link RequestTableBuilder.add}. Only three fields are required. */
export interface RequestRecord {
  /** Virtual time of arrival in ms, finite and not negative. */
  readonly arrivalMs: number
  /** At least 1. */
  readonly promptTokens: number
  /** At least 0. */
  readonly outputTokens: number
  /** Output limit that the client declares; 0 or absent for none. */
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
  /** Class of service. */
  readonly sloClass?: string
  /** Time within which the answer should be complete, in ms from the sending. */
  readonly deadlineMs?: number
  /** What {@link RequestTableBuilder.add} gave for the request that must have ended before. */
  readonly predecessor?: number
  /** Further requests that must have ended before, as {@link RequestTableBuilder.add} gave them. */
  readonly joins?: readonly number[]
  /** Time from the end of the predecessor (with `joins`, the last end) to the sending, in ms; 0 when absent. */
  readonly thinkMs?: number
  /** Whether it is sent however those end that it waits for; else only if all of them are completed. */
  readonly anyEnd?: boolean
  /** Time to the first token that the client asks for, in whole ms; none when absent or 0. */
  readonly ttftSloMs?: number
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
  private readonly columns = new RequestColumns()
  private readonly strings: string[] = []
  private readonly stringIds = new Map<string, number>()

  /** Rows added so far. */
  get size(): number {
    return this.columns.size
  }

  /**
   * Appends one request.
   * @returns the row's position before sorting
   * @throws RouteSimError `request_invalid` when a number is out of range
   */
  add(request: RequestRecord): number {
    const row = this.columns.size
    check(row, 'arrivalMs', request.arrivalMs, 'a number', 0)
    check(row, 'promptTokens', request.promptTokens, 'an integer', 1)
    check(row, 'outputTokens', request.outputTokens, 'an integer', 0)
    const maxTokens = request.maxTokens ?? 0
    check(row, 'maxTokens', maxTokens, 'an integer', 0)
    const prefixTokens = request.prefixTokens ?? 0
    check(row, 'prefixTokens', prefixTokens, 'an integer', 0)
    const ttftSloMs = request.ttftSloMs ?? 0
    check(row, 'ttftSloMs', ttftSloMs, 'an integer', 0)
    const priority = request.priority ?? 0
    check(row, 'priority', priority, 'an integer', -MOST)
    const promptNode = request.promptNode ?? NO_NODE
    if (promptNode !== NO_NODE) this.checkNode(row, promptNode)
    if (request.predecessor === undefined) checkFollowsNone(row, request)
    const c = this.columns
    c.append(request.arrivalMs, request.promptTokens, request.outputTokens)
    c.maxTokens.set(row, maxTokens)
    c.promptNode.set(row, promptNode)
    c.prefixTokens.set(row, Math.min(prefixTokens, request.promptTokens))
    c.session.set(row, this.intern(request.session))
    c.user.set(row, this.intern(request.user))
    c.tenant.set(row, this.intern(request.tenant))
    c.model.set(row, this.intern(request.model))
    c.adapter.set(row, this.intern(request.adapter))
    c.priority.set(row, priority)
    c.sloClass.set(row, this.intern(request.sloClass))
    if (request.deadlineMs !== undefined) {
      check(row, 'deadlineMs', request.deadlineMs, 'a number', 0)
      c.deadlineMs.set(row, request.deadlineMs)
    }
    if (request.predecessor !== undefined) {
      check(row, 'predecessor', request.predecessor, 'an integer', 0)
      check(row, 'thinkMs', request.thinkMs ?? 0, 'a number', 0)
      c.predecessor.set(row, request.predecessor)
      c.thinkMs.set(row, request.thinkMs ?? 0)
      for (const awaited of request.joins ?? []) {
        check(row, 'joins', awaited, 'an integer', 0)
        c.join(row, awaited)
      }
      if (request.anyEnd === true) c.anyEnd.set(row, 1)
    }
    c.ttftSloMs.set(row, ttftSloMs)
    return row
  }

  /** The finished table. The builder can not be used afterwards. */
  build(): RequestTable {
    const { columns, strings } = this
    const { tree, renumbered } = this.prompts.build()
    if (renumbered !== undefined) {
      for (let row = 0; row < columns.size; row++) {
        const node = columns.promptNode.get(row)
        if (node !== NO_NODE) columns.promptNode.set(row, renumbered[node]!)
      }
    }
    const finished = columns.finish(columns.arrivalOrder())
    return separateAdapters({ ...finished, strings, prompts: tree })
  }

  private checkNode(row: number, node: number): void {
    const { size } = this.prompts
    if (Number.isInteger(node) && node >= 0 && node < size) return
    throw new RouteSimError(
      `request ${row}: promptNode: expected a node that builder.prompts gave, got ${shownIfAny(node)} of ${size}`,
      { code: 'request_invalid', path: 'promptNode' },
    )
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

/** What counts from the end of another request means nothing without one. */
function checkFollowsNone(
  row: number,
  { joins = [], thinkMs = 0, anyEnd = false }: RequestRecord,
): void {
  const [path, found] =
    joins.length > 0 ? ['joins', joins] : thinkMs !== 0 ? ['thinkMs', thinkMs] : ['anyEnd', anyEnd]
  if (found === false) return
  throw new RouteSimError(
    `request ${row}: ${path}: expected none without predecessor, got ${shownIfAny(found)}`,
    {
      code: 'request_invalid',
      path,
      hint: 'Give the first request that must have ended as predecessor, and further ones as joins.',
    },
  )
}

/** The largest whole number that a column holds. */
const MOST = 0x7fffffff

function check(row: number, field: string, value: number, kind: string, minimum: number): void {
  const isLarge = kind === 'an integer' && value > MOST
  const isOfKind = kind === 'an integer' ? Number.isInteger(value) : Number.isFinite(value)
  if (isOfKind && !isLarge && value >= minimum) return
  const bound = isLarge ? `<= ${MOST}` : `>= ${minimum}`
  throw new RouteSimError(
    `request ${row}: ${field}: expected ${kind} ${bound}, got ${shownIfAny(value)}`,
    {
      code: 'request_invalid',
      path: field,
    },
  )
}
