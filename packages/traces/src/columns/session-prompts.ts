import { NO_NODE, type PromptTreeBuilder } from '@routesim/core'
import type { PrefixChains } from './prefix-chains.js'

/** Lengths of a turn, as far as the next one may repeat it. */
interface TurnLengths {
  readonly promptTokens: number
  readonly outputTokens: number
}

interface Turn extends TurnLengths {
  /** Name of its declared prefix, -1 for none. */
  readonly prefixHash: number
  /** What the turn continues, and the key of the content it adds. */
  readonly base: number
  readonly key: number
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

/**
 * Places prompts in the prompt tree by the prefixes they declare and the conversations they belong
 * to. Each turn of a conversation extends the one before as far as {@link repeatedTokens} says. A
 * turn's node covers its answer too, so that the KV of the answer can serve the next turn. Turns
 * must come in order of arrival.
 *
 * A declared prefix starts the conversation; when a turn declares more tokens than it repeats, or
 * another prefix than the turn before, the declaration wins and the turn starts afresh from it.
 */
export class SessionPrompts {
  private readonly prompts: PromptTreeBuilder
  private readonly lastTurn = new Map<number, Turn>()
  /** Per prefix, the node it had last: most always have the same length. */
  private readonly lastOfPrefix: number[] = []
  private readonly chains: PrefixChains
  /** Turns by row, where later sessions go on from them. */
  private readonly turnOfRow: Map<number, Turn> | undefined
  private turns = 0

  /**
   * @param chains - prefixes that begin with others
   * @param hasForks - whether sessions go on from turns of others
   */
  constructor(prompts: PromptTreeBuilder, chains: PrefixChains, hasForks = false) {
    this.prompts = prompts
    this.chains = chains
    if (hasForks) this.turnOfRow = new Map()
  }

  /** The last turn placed of a session can be gone on from, by its row. */
  remember(session: number, row: number): void {
    this.turnOfRow?.set(row, this.lastTurn.get(session)!)
  }

  /** The next turn of a session goes on from that of a row. */
  goOnFrom(session: number, row: number): void {
    const turn = this.turnOfRow?.get(row)
    if (turn !== undefined) this.lastTurn.set(session, turn)
  }

  /** The node of a declared prefix of `tokens`, no more than the prompt has. */
  placePrefix(prefixHash: number, tokens: number): number {
    if (tokens === 0) return NO_NODE
    const last = this.lastOfPrefix[prefixHash]
    if (last !== undefined && this.prompts.endTokens(last) === tokens) return last
    const above = this.chains.of(prefixHash)
    if (above !== undefined && tokens <= above.tokens) return this.placePrefix(above.name, tokens)
    const base = above === undefined ? NO_NODE : this.placePrefix(above.name, above.tokens)
    // Even keys are prefixes, odd ones are turns.
    const node = this.prompts.stream(base, prefixHash * 2, tokens)
    this.lastOfPrefix[prefixHash] = node
    return node
  }

  /** The node of the next turn of `session`, and how much of it the trace says is shared. */
  place(
    session: number,
    promptTokens: number,
    outputTokens: number,
    declaredHash: number,
    declaredTokens: number,
  ): { node: number; prefixTokens: number } {
    const previous = this.lastTurn.get(session)
    const prefixHash = declaredTokens > 0 ? declaredHash : -1
    const repeated =
      previous === undefined || contradicts(previous.prefixHash, prefixHash)
        ? 0
        : repeatedTokens(previous, promptTokens)
    const continues = previous !== undefined && repeated > 0 && repeated >= declaredTokens
    const base = continues
      ? this.endOf(previous, repeated)
      : this.placePrefix(prefixHash, declaredTokens)
    const key = this.turns++ * 2 + 1
    const node = this.prompts.stream(base, key, promptTokens + outputTokens)
    this.lastTurn.set(session, {
      promptTokens,
      outputTokens,
      prefixHash: prefixHash < 0 && repeated > 0 ? previous!.prefixHash : prefixHash,
      base,
      key,
      node,
    })
    return { node, prefixTokens: continues ? repeated : declaredTokens }
  }

  private endOf(turn: Turn, tokens: number): number {
    if (tokens === this.prompts.endTokens(turn.node)) return turn.node
    return this.prompts.stream(turn.base, turn.key, tokens)
  }
}

/** Whether two turns declare different prefixes; an absent declaration (-1) contradicts nothing. */
function contradicts(before: number, now: number): boolean {
  return before >= 0 && now >= 0 && before !== now
}
