/** A prefix that another goes on from. */
export interface PrefixAbove {
  /** Its name, as a number. */
  readonly name: number
  readonly tokens: number
}

/** Which prefixes begin with another prefix, by the numbers of their names. */
export class PrefixChains {
  private readonly above = new Map<number, PrefixAbove>()

  /** The prefix begins with the first `tokens` of another, which are all of that. */
  set(prefix: number, above: number, tokens: number): void {
    this.above.set(prefix, { name: above, tokens })
  }

  of(prefix: number): PrefixAbove | undefined {
    return this.above.get(prefix)
  }
}
