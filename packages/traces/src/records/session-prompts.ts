import { NO_NODE, type PromptTreeBuilder } from '@routesim/core'
import type { TraceRecord } from './trace-record.js'

/** Lengths of a turn, as far as the next one may repeat it. */
interface TurnLengths {
  readonly promptTokens: number
  readonly outputTokens: number
}

interface Turn extends TurnLengths {
  readonly number: number
  readonly prefixHash: string | undefined
  /** What the turn continues, and the name of the content it adds. */
  readonly base: number
  readonly key: string
  /** Node that covers prompt and answer. */
  readonly node: number
}

/**
 * Leading tokens of a turn's prompt that repeat the turn before: prompt and answer when it is long
 * enough for both, the prompt alone when it is long enough for that, else none.
 */
export function repeatedTokens(previous: TurnLengths, promptTokens: number): number {
  const whole = previous.promptTokens + previous.outputTokens
  if (promptTokens >= whole) return whole
  return promptTokens >= previous.promptTokens ? previous.promptTokens : 0
}

/** Places the declared prefix of a prompt; its length is capped at the prompt's. */
export function placePrefix(prompts: PromptTreeBuilder, record: TraceRecord): void {
  const tokens = declaredTokens(record)
  record.prefixTokens = tokens
  record.promptNode =
    tokens === 0 ? NO_NODE : prompts.stream(NO_NODE, `prefix:${record.prefixHash}`, tokens)
}

/**
 * Places the turns of conversations in the prompt tree, where each extends the one before as far
 * as {@link repeatedTokens} says. A turn's node covers its answer too, so that the KV of the answer
 * can serve the next turn. Turns must come in order of arrival.
 *
 * A declared prefix starts the conversation; when a turn declares more tokens than it repeats, or
 * another prefix than the turn before, the declaration wins and the turn starts afresh from it.
 */
export class SessionPrompts {
  private readonly prompts: PromptTreeBuilder
  private readonly lastTurn = new Map<string, Turn>()

  constructor(prompts: PromptTreeBuilder) {
    this.prompts = prompts
  }

  /** Sets `promptNode` and `prefixTokens` of the next turn of `session`. */
  place(record: TraceRecord, session: string): void {
    const { promptTokens, outputTokens } = record
    const previous = this.lastTurn.get(session)
    const declared = declaredTokens(record)
    const prefixHash = declared > 0 ? record.prefixHash : undefined
    const repeated =
      previous === undefined || contradicts(previous.prefixHash, prefixHash)
        ? 0
        : repeatedTokens(previous, promptTokens)
    let base: number
    if (previous !== undefined && repeated > 0 && repeated >= declared) {
      base = this.endOf(previous, repeated)
      record.prefixTokens = repeated
    } else {
      placePrefix(this.prompts, record)
      base = record.promptNode ?? NO_NODE
    }
    const number = previous === undefined ? 0 : previous.number + 1
    const key = `turn:${number}:${session}`
    const node = this.prompts.stream(base, key, promptTokens + outputTokens)
    record.promptNode = node
    this.lastTurn.set(session, {
      number,
      promptTokens,
      outputTokens,
      prefixHash: prefixHash ?? (repeated > 0 ? previous?.prefixHash : undefined),
      base,
      key,
      node,
    })
  }

  private endOf(turn: Turn, tokens: number): number {
    if (tokens === this.prompts.endTokens(turn.node)) return turn.node
    return this.prompts.stream(turn.base, turn.key, tokens)
  }
}

/** Whether two turns declare different prefixes; an absent declaration contradicts nothing. */
export function contradicts(before: string | undefined, now: string | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now
}

function declaredTokens(record: TraceRecord): number {
  if (record.prefixHash === undefined) return 0
  return Math.min(record.prefixTokens ?? 0, record.promptTokens)
}
