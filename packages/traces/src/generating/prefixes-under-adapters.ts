import { PrefixChains } from '../columns/prefix-chains.js'

/**
 * Numbers of prefixes as each adapter sees them: equal texts are the same content only under the same
 * adapter, as the `separateAdapters` of `@routesim/core` has it for tables.
 */
export class PrefixesUnderAdapters {
  /** Which of these begin with others, which are under the same adapter. */
  readonly chains: PrefixChains = new PrefixChains()
  private readonly named: PrefixChains
  private readonly numbers = new Map<number, number>()

  /** @param named - which prefixes begin with others, adapters left aside */
  constructor(named: PrefixChains) {
    this.named = named
  }

  /** The number of a prefix under an adapter, -1 for none. */
  numberOf(prefix: number, adapter: number): number {
    // Numbers of names are below 2^31.
    const key = (adapter + 1) * 2 ** 31 + prefix
    let number = this.numbers.get(key)
    if (number === undefined) {
      const above = this.named.of(prefix)
      const aboveNumber = above && this.numberOf(above.name, adapter)
      number = this.numbers.size
      this.numbers.set(key, number)
      if (above !== undefined) this.chains.set(number, aboveNumber!, above.tokens)
    }
    return number
  }
}
