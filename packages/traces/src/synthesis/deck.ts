import type { RandomStream } from '@routesim/core'

/**
 * Draws of what happened so many times each, without putting back: after as many draws as there were
 * events, each has come up as often as it happened, and the deck is full again. Shares come out right
 * with far fewer draws than if each were on its own, and what happened twice is not drawn five times.
 */
export class Deck {
  private readonly counts: readonly number[]
  private readonly left: number[]
  private total = 0
  private readonly random: RandomStream

  constructor(counts: readonly number[], random: RandomStream) {
    this.counts = counts
    this.left = counts.map(() => 0)
    this.random = random
  }

  /** The number of what comes up next. */
  draw(): number {
    if (this.total === 0) {
      this.counts.forEach((count, i) => {
        this.left[i] = count
        this.total += count
      })
    }
    let at = this.random.integer(this.total)
    const drawn = this.left.findIndex((count) => {
      at -= count
      return at < 0
    })
    this.left[drawn]!--
    this.total--
    return drawn
  }
}

/** The same for items that happened once each, at O(1) a draw. */
export class ItemDeck {
  private readonly items: Int32Array
  private left = 0
  private readonly random: RandomStream

  constructor(size: number, random: RandomStream) {
    this.items = Int32Array.from({ length: size }, (_, i) => i)
    this.random = random
  }

  draw(): number {
    if (this.left === 0) this.left = this.items.length
    const at = this.random.integer(this.left--)
    const item = this.items[at]!
    this.items[at] = this.items[this.left]!
    this.items[this.left] = item
    return item
  }
}
