import type { RequestColumns } from '@routesim/core'
import type { TraceColumns } from '../columns/trace-columns.js'
import { type ClientDraws, outputSampler } from './client-draws.js'
import { inMs, sampler, tokenSampler } from './distribution.js'
import { checkTooMany } from './too-many.js'
import type { AgentsSpec } from './workload-spec.js'

/** When the last of some rows arrives, in ms. */
export function latestArrival(requests: RequestColumns, rows: readonly number[]): number {
  return rows.reduce((latest, row) => Math.max(latest, requests.arrivalMs(row)), 0)
}

/** Writes the calls of agents that a conversation sets off into columns. */
export class AgentWriter {
  private readonly spec: AgentsSpec
  private readonly maxPromptTokens: number
  private readonly columns: TraceColumns
  private readonly draws: ClientDraws
  private readonly children: () => number
  private readonly calls: () => number
  private readonly toolMs: () => number
  private readonly newTokens: () => number
  private readonly promptTokens: (() => number) | undefined
  private readonly output: () => number
  private readonly isSpawning: () => boolean
  /** What all agents' prompts begin with, as a number of the name pool. */
  private readonly sharedName: number
  private session = ''
  private agents = 0

  constructor(
    spec: AgentsSpec,
    maxPromptTokens: number,
    columns: TraceColumns,
    draws: ClientDraws,
  ) {
    this.spec = spec
    this.maxPromptTokens = maxPromptTokens
    this.columns = columns
    this.draws = draws
    const { streams } = draws
    this.children = tokenSampler(spec.children, streams.of('agents'))
    this.calls = tokenSampler(spec.calls, streams.of('agent-calls'))
    this.toolMs = sampler(inMs(spec.toolTimeSec), 0, streams.of('tool-times'))
    this.newTokens = tokenSampler(spec.newTokens, streams.of('tool-result-lengths'))
    if (spec.promptTokens !== undefined) {
      this.promptTokens = tokenSampler(spec.promptTokens, streams.of('agent-prompt-lengths'))
    }
    this.output = outputSampler(draws.spec.outputTokens, streams, 'agent-output-lengths')
    const spawning = streams.of('agent-starts')
    this.isSpawning = () => spawning.float() < spec.probability
    this.sharedName =
      (spec.sharedTokens ?? 0) > 0 ? columns.names.ofString(`${draws.home}agents`) : -1
  }

  /** Agents from here on belong to another conversation. */
  startSession(name: string): void {
    this.session = name
    this.agents = 0
  }

  /**
   * Adds the agents that a call of session `by` sets off, if any.
   * @returns the last call of each, which whoever set them off waits for; the call itself when there are
   *   none
   */
  spawn(call: number, depth: number, by: string = this.session): number[] {
    if (!this.isSpawning()) return [call]
    const count = this.children()
    const awaited: number[] = []
    for (let i = 0; i < count; i++) {
      const last = this.addAgent(call, depth, by)
      if (last !== call) awaited.push(last)
    }
    return awaited.length === 0 ? [call] : awaited
  }

  /** @returns its last call, that of the parent when it has none */
  private addAgent(parent: number, depth: number, by: string): number {
    const { columns, spec, maxPromptTokens } = this
    const { requests } = columns
    // Numbers are those of the conversation, names those of the tree.
    const name = `${by}/${++this.agents}`
    const session = columns.names.ofString(name)
    const planned = this.calls()
    let last = parent
    for (let calls = 0; calls < planned; calls++) {
      const isFirst = calls === 0
      const isFresh = isFirst && spec.context === 'own'
      const promptTokens = isFresh
        ? this.promptTokens!() + (spec.sharedTokens ?? 0)
        : requests.promptTokens.get(last) + requests.outputTokens.get(last) + this.newTokens()
      if (promptTokens > maxPromptTokens) break
      const awaited = isFirst || depth >= spec.maxDepth ? [last] : this.spawn(last, depth + 1, name)
      const row = this.addCall(awaited, promptTokens, session)
      if (isFirst && spec.context === 'parent') columns.goesOnFrom.set(row, parent)
      this.declare(row, parent)
      last = row
    }
    return last
  }

  private addCall(awaited: readonly number[], promptTokens: number, session: number): number {
    const { requests } = this.columns
    const toolMs = this.toolMs()
    const arrivalMs = latestArrival(requests, awaited) + toolMs
    const row = requests.append(arrivalMs, promptTokens, this.output())
    requests.session.set(row, session)
    this.draws.labels.writeTo(requests, row)
    for (const call of awaited) requests.join(row, call)
    requests.thinkMs.set(row, toolMs)
    checkTooMany(requests.size)
    return row
  }

  /** What the call's prompt begins with. */
  private declare(row: number, parent: number): void {
    const { prefixHash, prefixTokens } = this.columns
    if (this.spec.context === 'parent') {
      prefixHash.set(row, prefixHash.get(parent))
      prefixTokens.set(row, prefixTokens.get(parent))
    } else if (this.sharedName >= 0) {
      prefixHash.set(row, this.sharedName)
      prefixTokens.set(row, this.spec.sharedTokens!)
    }
  }
}
