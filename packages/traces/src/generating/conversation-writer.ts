import type { TraceColumns } from '../columns/trace-columns.js'
import { AgentWriter, latestArrival } from './agent-writer.js'
import type { ClientDraws } from './client-draws.js'
import { inMs, sampler, tokenSampler } from './distribution.js'
import { NO_PREFIX } from './prefix-choice.js'
import { checkTooMany } from './too-many.js'
import type { SessionsSpec } from './workload-spec.js'

const NONE = -1

/** Writes the requests of one client into columns: single ones, and conversations whole. */
export class ConversationWriter {
  /** Conversations so far. */
  sessions = 0
  private readonly columns: TraceColumns
  private readonly draws: ClientDraws
  private readonly spec: SessionsSpec | undefined
  private readonly turns: () => number
  private readonly newTokens: () => number
  private readonly thinkMs: () => number
  private readonly agents: AgentWriter | undefined

  constructor(columns: TraceColumns, draws: ClientDraws) {
    this.columns = columns
    this.draws = draws
    const { sessions } = draws.spec
    this.spec = sessions
    const { streams } = draws
    const { turns = 1, newTokens = 1, thinkTimeSec = 0, agents } = sessions ?? {}
    this.turns = tokenSampler(turns, streams.of('turns'))
    this.newTokens = tokenSampler(newTokens, streams.of('new-token-lengths'))
    this.thinkMs = sampler(inMs(thinkTimeSec), 0, streams.of('think-times'))
    if (sessions !== undefined && agents !== undefined) {
      this.agents = new AgentWriter(agents, sessions.maxPromptTokens, columns, draws)
    }
  }

  /** Whether it may start no more conversations. */
  get isFull(): boolean {
    return this.sessions === this.spec?.maxSessions
  }

  /** Adds the request that was drawn, and what follows it. */
  add(): void {
    const first = this.addDrawn()
    const last = this.spec === undefined ? first : this.addTurns(first, this.spec)
    const { users } = this.draws
    if (users === undefined) return
    const { requests } = this.columns
    if (users.turnMs === undefined) users.ended(last, requests.arrivalMs(last))
    else users.ended(last, requests.arrivalMs(last) + users.turnMs)
  }

  /** Adds the request that was drawn. @returns its row */
  private addDrawn(): number {
    const { columns, draws } = this
    const { requests } = columns
    const row = requests.append(draws.arrivalMs, draws.promptTokens, draws.outputTokens)
    if (draws.prefix.name !== NO_PREFIX) {
      columns.prefixHash.set(row, draws.prefix.name)
      // Capped, as a conversation keeps for good the part that its first prompt had room for.
      columns.prefixTokens.set(row, draws.prefixTokens)
    }
    draws.labels.writeTo(requests, row)
    const { users } = draws
    if (users !== undefined && users.last !== NONE) {
      requests.predecessor.set(row, users.last)
      requests.anyEnd.set(row, 1)
      if (users.turnMs === undefined) requests.thinkMs.set(row, this.thinkMs())
    }
    return row
  }

  /** @returns the row of the last turn */
  private addTurns(first: number, spec: SessionsSpec): number {
    const { columns, draws, agents } = this
    const { requests, prefixHash, prefixTokens } = columns
    const { users } = draws
    const name = `${draws.home}s${this.sessions++}`
    const session = columns.names.ofString(name)
    requests.session.set(first, session)
    agents?.startSession(name)
    let before = first
    for (let left = this.turns() - 1; left > 0; left--) {
      const promptTokens =
        requests.promptTokens.get(before) + requests.outputTokens.get(before) + this.newTokens()
      if (promptTokens > spec.maxPromptTokens) break
      // The turn waits for all agents that the one before set off.
      const awaited = agents?.spawn(before, 1) ?? [before]
      const gapMs = users?.turnMs ?? this.thinkMs()
      const arrivalMs = this.turnMs(latestArrival(requests, awaited) + gapMs, spec)
      const row = requests.append(arrivalMs, promptTokens, draws.output())
      requests.session.set(row, session)
      prefixHash.set(row, prefixHash.get(first))
      prefixTokens.set(row, prefixTokens.get(first))
      draws.labels.writeTo(requests, row)
      this.wait(row, awaited, gapMs, spec)
      before = row
      checkTooMany(requests.size)
    }
    return before
  }

  /** When a turn comes: on a tick, unless it follows an answer. */
  private turnMs(ms: number, { next }: SessionsSpec): number {
    const { tickSec } = this.draws.spec.arrivals
    if (tickSec === undefined || next !== 'after_arrival') return ms
    const tickMs = tickSec * 1000
    return Math.round(ms / tickMs) * tickMs
  }

  private wait(
    row: number,
    awaited: readonly number[],
    gapMs: number,
    { next }: SessionsSpec,
  ): void {
    const isScheduled = this.draws.users?.turnMs !== undefined || next === 'on_schedule'
    if (next === 'after_arrival') return
    for (const call of awaited) this.columns.requests.join(row, call)
    this.columns.requests.thinkMs.set(row, isScheduled ? 0 : gapMs)
  }
}
