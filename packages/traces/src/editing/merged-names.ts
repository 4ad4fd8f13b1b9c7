/** The names of traces that become one. */
export class MergedNames {
  /** Names by their id in the trace that is made. */
  readonly strings: string[] = []
  private readonly ids = new Map<string, number>()
  private readonly given = new Set<string>()

  /** @param given - the names of each trace */
  constructor(given: readonly (readonly string[])[]) {
    for (const names of new Set(given)) {
      for (const name of names) this.given.add(name)
    }
  }

  /** The id of a name, which is the same in all traces. */
  idOf(name: string): number {
    const id = this.ids.get(name) ?? this.strings.push(name) - 1
    this.ids.set(name, id)
    return id
  }

  /** Whether a name has an id. */
  has(name: string): boolean {
    return this.ids.has(name)
  }

  /** The id of a name with a number behind it, from the one given on, that nothing else has. */
  newIdOf(name: string, number: number): number {
    for (let own = number; ; own++) {
      const numbered = `${name} (${own})`
      if (!this.given.has(numbered) && !this.ids.has(numbered)) return this.idOf(numbered)
    }
  }
}
