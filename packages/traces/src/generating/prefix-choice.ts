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
      this.name = level.nameOf(above, index, () => {
        const own = level.textOf(index, labels, this.names)
        const whole = above === NO_PREFIX ? own : `${this.names.name(above)}/${own}`
        const id = this.names.ofString(whole)
        if (above !== NO_PREFIX) this.chains.set(id, above, this.tokens)
        return id
      })
      this.tokens += level.tokens[index]!
    }
  }
}

class LevelChoice {
  /** Per prefix. */
  readonly tokens: Int32Array
  private readonly level: PrefixLevel
  private readonly by: PrefixOwner | undefined
  private readonly text: string
  private readonly choice: WeightedChoice | undefined
  private readonly streams: Streams
  private readonly decision: string
  private readonly known = new Map<number, number>()

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
    this.level = level
    this.by = level.by
    this.text = level.name ?? `${home}p`
    this.streams = streams
    this.decision = `prefixes${suffix}`
    if (level.by === undefined) {
      this.choice = new WeightedChoice(zipfWeights(count, level.zipfExponent ?? 0))
    }
  }

  draw(labels: Labels): number {
    if (this.by !== undefined) return labels.index[this.by]
    return this.choice!.draw(this.streams.of(this.decision))
  }

  /** The name of a prefix within another, made when it is first needed. */
  nameOf(above: number, index: number, make: () => number): number {
    const key = (above + 1) * this.tokens.length + index
    let id = this.known.get(key)
    if (id === undefined) {
      id = make()
      this.known.set(key, id)
    }
    return id
  }

  textOf(index: number, labels: Labels, names: NamePool): string {
    const owner = this.by === undefined ? `${index}` : names.name(labels.name[this.by])
    return this.level.by === undefined ? `${this.text}${owner}` : `${this.text}:${owner}`
  }
}
