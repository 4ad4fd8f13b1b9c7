import { Int32Column, RequestColumns } from '@routesim/core'
import { traceError } from '../errors/trace-error.js'
import { BlockKeys } from '../prompts/block-keys.js'
import { BlockPaths, REFUSED } from '../prompts/block-paths.js'
import { IdRuns } from '../prompts/id-runs.js'
import { NamePool } from './name-pool.js'
import { PrefixChains } from './prefix-chains.js'
import type { HashedBlocks, TraceRecord } from './trace-record.js'

/** In {@link TraceColumns.content}: no hashed blocks. */
export const NO_BLOCKS = -3

/** In {@link TraceColumns.prefixTokens}: not declared. */
export const NOT_DECLARED = -1

const NAME_COLUMNS = ['session', 'user', 'tenant', 'model', 'adapter', 'sloClass'] as const

/**
 * The requests of a trace as columns, in the order of the trace: what a row declares, before its
 * prompt is placed in the prompt tree. Names are numbers of {@link TraceColumns.names}.
 */
export class TraceColumns {
  readonly requests: RequestColumns = new RequestColumns()
  readonly names: NamePool = new NamePool()
  readonly blocks: BlockPaths = new BlockPaths()
  /** End of the row's hashed blocks, a handle of `blocks`; {@link NO_BLOCKS}. */
  readonly content: Int32Column = new Int32Column(NO_BLOCKS)
  /** Declared length of the row's prefix, {@link NOT_DECLARED}. */
  readonly prefixTokens: Int32Column = new Int32Column(NOT_DECLARED)
  /** Name of the content the prompt begins with, -1 for none. */
  readonly prefixHash: Int32Column = new Int32Column(-1)
  /** Which of these contents begin with another of them. */
  readonly chains: PrefixChains = new PrefixChains()
  /** Row whose prompt and answer the prompt repeats, though of another session; -1 for none. */
  readonly goesOnFrom: Int32Column = new Int32Column(-1)
  private readonly keys = new BlockKeys()
  private readonly runs = new IdRuns()

  get size(): number {
    return this.requests.size
  }

  /**
   * Adds one request.
   * @returns its row, for requests that wait for it
   * @throws RouteSimError `trace_invalid` when its blocks do not fit it; nothing is added then
   */
  add(record: TraceRecord, blocks?: HashedBlocks): number {
    return this.append(record, blocks === undefined ? NO_BLOCKS : this.place(record, blocks))
  }

  /**
   * Adds one request whose blocks come as runs of ids, of `blockTokens` each.
   * @returns its row
   * @throws RouteSimError `trace_invalid` when its blocks do not fit it; nothing is added then
   */
  addRuns(record: TraceRecord, runs: IdRuns, blockTokens: number): number {
    const { promptTokens } = record
    checkCount(runs.length, blockTokens, promptTokens)
    const end = this.blocks.add(runs, blockTokens, promptTokens)
    if (end === REFUSED) throw this.refused((at) => `${at + 1}`)
    return this.append(record, end)
  }

  private append(record: TraceRecord, content: number): number {
    const { requests, names } = this
    const row = requests.append(record.arrivalMs, record.promptTokens, record.outputTokens)
    this.content.set(row, content)
    this.prefixTokens.set(row, record.prefixTokens ?? NOT_DECLARED)
    if (record.prefixHash !== undefined) this.prefixHash.set(row, names.ofString(record.prefixHash))
    if (record.maxTokens !== undefined) requests.maxTokens.set(row, record.maxTokens)
    if (record.priority !== undefined) requests.priority.set(row, record.priority)
    for (const column of NAME_COLUMNS) {
      const name = record[column]
      if (name !== undefined) requests[column].set(row, names.ofString(name))
    }
    if (record.ttftSloMs !== undefined) requests.ttftSloMs.set(row, record.ttftSloMs)
    if (record.deadlineMs !== undefined) requests.deadlineMs.set(row, record.deadlineMs)
    if (record.predecessor !== undefined) {
      requests.predecessor.set(row, record.predecessor)
      requests.thinkMs.set(row, record.thinkMs ?? 0)
      for (const awaited of record.joins ?? []) requests.join(row, awaited)
      if (record.anyEnd === true) requests.anyEnd.set(row, 1)
    }
    return row
  }

  private place(record: TraceRecord, { ids, tokens }: HashedBlocks): number {
    const { promptTokens, outputTokens } = record
    this.keys.write(ids, this.runs)
    if (typeof tokens === 'number') checkCount(ids.length, tokens, promptTokens)
    else checkTokensOfEach(ids.length, tokens, promptTokens + outputTokens)
    const end =
      typeof tokens === 'number'
        ? this.blocks.add(this.runs, tokens, promptTokens)
        : this.blocks.addEach(this.runs, tokens)
    if (end !== REFUSED) return end
    throw this.refused((at) => String(ids[at]))
  }

  private refused(name: (at: number) => string): Error {
    const { at, known, wanted } = this.blocks.refusal!
    return traceError(
      'trace_invalid',
      `hash_ids: block ${name(at)}: expected ${known} tokens as before, got ${wanted} (equal ids mean equal content)`,
      { hint: 'A last block that is there in part has an id of its own.' },
    )
  }
}

function checkCount(count: number, tokens: number, promptTokens: number): void {
  const expected = Math.ceil(promptTokens / tokens)
  if (count <= expected) return
  throw traceError(
    'trace_invalid',
    `hash_ids: expected at most ${expected} blocks of ${tokens} tokens for ${promptTokens} prompt tokens, got ${count}`,
    {
      hint: 'Give the block size that the trace was hashed with (--block-size, trace.block_size, blockTokens).',
    },
  )
}

function checkTokensOfEach(count: number, tokens: readonly number[], limit: number): void {
  if (tokens.length !== count) {
    throw traceError(
      'trace_invalid',
      `block_size: expected ${count} lengths, one per id, got ${tokens.length}`,
    )
  }
  const total = tokens.reduce((sum, length) => sum + length, 0)
  if (total <= limit) return
  throw traceError(
    'trace_invalid',
    `block_size: expected at most ${limit} tokens (prompt and answer), got ${total}`,
  )
}
