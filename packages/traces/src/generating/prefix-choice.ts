import type { RandomStream } from '@routesim/core'
import type { NamePool } from '../columns/name-pool.js'
import type { PrefixChains } from '../columns/prefix-chains.js'
import { tokenSampler } from './distribution.js'
import type { Labels } from './labels.js'
import type { Streams } from './streams.js'
import { WeightedChoice, zipfWeights } from './weighted-choice.js'
import type { PrefixLevel, PrefixOwner } from './workload-spec.js'

/** In {@link PrefixChoice.name}: no prefix. */
export const NO_PREFIX = -1

/**
 * Draws what new prompts begin with: a prefix of the first level, one of the second within it, and so
 * on. A prefix is one content and so has one length.
 */
export class PrefixChoice {
  /** What was drawn last, as a number of the pool; {@link NO_PREFIX}. */
  name: number = NO_PREFIX
  /** Its tokens, those of all levels. */
  tokens = 0
  private readonly levels: readonly LevelChoice[]
  private readonly chains: PrefixChains
  private readonly names: NamePool

  /** @param home - put before the names of levels without one */
  constructor(
    levels: readonly PrefixLevel[],
    labels: Labels,
    streams: Streams,
    home: string,
    names: NamePool,
    chains: PrefixChains,
  ) {
    this.levels = levels.map((level, i) => new LevelChoice(level, i, labels, streams, home))
    this.names = names
    this.chains = chains
  }

  draw(labels: Labels): void {
    this.name = NO_PREFIX
    this.tokens = 0
    for (const level of this.levels) {
      const index = level.draw(labels)
      const above = this.name
      this.name = level.nameOf(above, index)
      if (this.name === NO_PREFIX) {
        this.name = this.named(level, above, index, labels)
        level.setName(above, index, this.name)
      }
      this.tokens += level.tokens[index]!
    }
  }

  /** The name of a prefix that was not drawn before, within another. */
  private named(level: LevelChoice, above: number, index: number, labels: Labels): number {
    const own = level.textOf(index, labels, this.names)
    if (above === NO_PREFIX) return this.names.ofString(own)
    const id = this.names.ofString(`${this.names.name(above)}/${own}`)
    this.chains.set(id, above, this.tokens)
    return id
  }
}

class LevelChoice {
  /** Per prefix. */
  readonly tokens: Int32Array
  private readonly by: PrefixOwner | undefined
  private readonly text: string
  private readonly choice: WeightedChoice | undefined
  private readonly random: RandomStream
  /** Names of prefixes: of those within no other, and of those within one. */
  private readonly outermost: Int32Array
  private readonly inner = new Map<number, number>()

  constructor(level: PrefixLevel, depth: number, labels: Labels, streams: Streams, home: string) {
    const suffix = depth === 0 ? '' : `-${depth + 1}`
    const count = level.by === undefined ? level.count! : labels.countOf(level.by)
    // Clients that name a level alike have the same prefixes.
    const lengths =
      level.name === undefined
        ? streams.of(`prefix-lengths${suffix}`)
        : streams.common(`prefix-lengths/${level.name}`)
    const length = tokenSampler(level.tokens, lengths)
    this.tokens = new Int32Array(count).map(() => length())
    this.by = level.by
    this.text = level.name ?? `${home}p`
    this.random = streams.of(`prefixes${suffix}`)
    this.outermost = new Int32Array(depth === 0 ? count : 0).fill(NO_PREFIX)
    if (level.by === undefined) {
      this.choice = new WeightedChoice(zipfWeights(count, level.zipfExponent ?? 0))
    }
  }

  draw(labels: Labels): number {
    if (this.by !== undefined) return labels.index[this.by]
    return this.choice!.draw(this.random)
  }

  /** The name of a prefix within another, {@link NO_PREFIX} before it is set. */
  nameOf(above: number, index: number): number {
    if (above === NO_PREFIX) return this.outermost[index]!
    return this.inner.get(above * this.tokens.length + index) ?? NO_PREFIX
  }

  setName(above: number, index: number, name: number): void {
    if (above === NO_PREFIX) this.outermost[index] = name
    else this.inner.set(above * this.tokens.length + index, name)
  }

  textOf(index: number, labels: Labels, names: NamePool): string {
    if (this.by === undefined) return `${this.text}${index}`
    const owner = labels.name[this.by]
    return owner < 0 ? `${this.text}!` : `${this.text}:${names.name(owner)}`
  }
}
