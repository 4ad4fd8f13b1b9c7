import {
  NO_NODE,
  type PromptTree,
  PromptTreeBuilder,
  type RequestSource,
  type RequestTable,
} from '@routesim/core'
import { NamePool } from '../columns/name-pool.js'
import { PrefixChains } from '../columns/prefix-chains.js'
import { SessionPrompts } from '../columns/session-prompts.js'
import type { ClientDraws } from './client-draws.js'
import { invalidOption, noRequests } from './generator-error.js'
import type { GeneratorOptions } from './generator-options.js'
import { hasLabels } from './labels.js'
import { type PlannedWorkload, planWorkload } from './plan-workload.js'
import { NO_PREFIX } from './prefix-choice.js'
import { PrefixesUnderAdapters } from './prefixes-under-adapters.js'
import { WorkloadDraws } from './workload-draws.js'
import type { WorkloadSpec } from './workload-spec.js'

/**
 * The requests of `generateTrace`, made one by one as they arrive, in memory that does not grow with
 * their number. They are drawn twice: first to know how many there are and what their prompts share.
 * Conversations can not be made so, as each turn shares the one before; nor can requests that wait for
 * others, or arrive all at once.
 *
 * @example
 * const requests = new GeneratedSource({ rateRps: 500, durationSec: 20_000 })
 * while (!requests.prepare(100_000));
 * new Simulation({ ...options, requests })
 */
export class GeneratedSource implements RequestSource {
  readonly strings: string[] = []
  private readonly planned: PlannedWorkload
  private readonly builder = new PromptTreeBuilder()
  private readonly registers = { names: new NamePool(), chains: new PrefixChains() }
  private readonly placing: SessionPrompts
  /** Absent when requests are for no adapters. */
  private readonly underAdapters: PrefixesUnderAdapters | undefined
  private readonly stringIds = new Map<number, number>()
  private readonly hasLabels: boolean
  private draws: WorkloadDraws
  private count = 0
  private firstMs = 0
  private lastMs = 0
  private tree: PromptTree | undefined
  private renumbered: Int32Array | undefined

  /** @throws RouteSimError `generator_invalid` */
  constructor(options: GeneratorOptions | WorkloadSpec) {
    this.planned = planWorkload(options, Number.MAX_SAFE_INTEGER)
    const { spec, aliases, nameOf } = this.planned
    spec.clients.forEach(({ sessions, arrivals }, i) => {
      const path = `clients[${i}]`
      if (sessions !== undefined) throw notOneByOne(nameOf(`${path}.sessions`), 'no conversations')
      if (arrivals.kind === 'users') throw notOneByOne(`${path}.arrivals.kind`, 'no users')
      if (arrivals.kind === 'at_once') {
        throw notOneByOne(`${path}.arrivals.kind`, 'no requests that arrive all at once')
      }
    })
    this.hasLabels = spec.clients.some(hasLabels)
    if (spec.clients.some(({ adapters }) => adapters !== undefined)) {
      this.underAdapters = new PrefixesUnderAdapters(this.registers.chains)
    }
    this.placing = new SessionPrompts(
      this.builder,
      this.underAdapters?.chains ?? this.registers.chains,
    )
    this.draws = new WorkloadDraws(spec, aliases, this.registers)
  }

  /** Requests in all, once prepared. */
  get size(): number {
    return this.count
  }

  /** From the first arrival to the last, in ms, once prepared. */
  get spanMs(): number {
    return this.lastMs - this.firstMs
  }

  get prompts(): PromptTree {
    if (this.tree === undefined) throw new TypeError('GeneratedSource: prepare() has not finished')
    return this.tree
  }

  /**
   * Draws about `maxRequests` requests ahead; all when it is not given.
   * @returns true when all are known: then the source is ready
   * @throws RouteSimError `generator_invalid` when the time is too short for a request
   */
  prepare(maxRequests: number = Number.POSITIVE_INFINITY): boolean {
    if (this.tree !== undefined) return true
    const { requests: most = Number.POSITIVE_INFINITY } = this.planned.spec
    for (let left = maxRequests; left > 0; left--) {
      const drawn = this.count < most ? this.draws.next() : undefined
      if (drawn === undefined) {
        this.finish()
        return true
      }
      if (this.count++ === 0) this.firstMs = drawn.arrivalMs
      this.lastMs = drawn.arrivalMs
      this.place(drawn)
      drawn.labels.eachName(this.stringOf)
    }
    return false
  }

  next(window: RequestTable, row: number): void {
    const drawn = this.draws.next()!
    window.arrivalMs[row] = drawn.arrivalMs
    window.promptTokens[row] = drawn.promptTokens
    window.outputTokens[row] = drawn.outputTokens
    window.maxTokens[row] = 0
    window.promptNode[row] = this.place(drawn)
    window.prefixTokens[row] = drawn.prefix.name === NO_PREFIX ? 0 : drawn.prefixTokens
    if (this.hasLabels) drawn.labels.writeRow(window, row, this.stringOf)
  }

  private finish(): void {
    const { spec, aliases } = this.planned
    if (this.count === 0) throw noRequests(spec)
    const { tree, renumbered } = this.builder.build()
    this.tree = tree
    this.renumbered = renumbered
    this.draws = new WorkloadDraws(spec, aliases, this.registers)
  }

  /** The node of the prompt that was drawn. */
  private place({ prefix, prefixTokens, labels }: ClientDraws): number {
    const { renumbered, underAdapters } = this
    if (prefix.name === NO_PREFIX) return NO_NODE
    const content = underAdapters?.numberOf(prefix.name, labels.name.adapter) ?? prefix.name
    const node = this.placing.placePrefix(content, prefixTokens)
    return node === NO_NODE || renumbered === undefined ? node : renumbered[node]!
  }

  /** The string of a name of the pool, -1 for none. */
  private readonly stringOf = (name: number): number => {
    if (name < 0) return -1
    let id = this.stringIds.get(name)
    if (id === undefined) {
      id = this.strings.push(this.registers.names.name(name)) - 1
      this.stringIds.set(name, id)
    }
    return id
  }
}

function notOneByOne(path: string, expected: string): Error {
  return invalidOption(
    path,
    `${expected} in a run that keeps nothing per request`,
    'some of them',
    'Run it with per-request results.',
  )
}
