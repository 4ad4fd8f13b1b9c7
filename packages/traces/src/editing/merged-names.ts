import type { RequestTable } from '@routesim/core'

/** The names of traces that become one. */
export class MergedNames {
  /** Names by their id in the trace that is made. */
  readonly strings: string[] = []
  private readonly ids = new Map<string, number>()
  private readonly given = new Set<string>()

  constructor(tables: readonly RequestTable[]) {
    for (const strings of new Set(tables.map((table) => table.strings))) {
      for (const name of strings) this.given.add(name)
    }
  }

  /** The id of a name, which is the same in all traces. */
  idOf(name: string): number {
    const id = this.ids.get(name) ?? this.strings.push(name) - 1
    this.ids.set(name, id)
    return id
  }

  /** The id of a name with a number behind it, from the one given on, that nothing else has. */
  newIdOf(name: string, number: number): number {
    for (let own = number; ; own++) {
      const numbered = `${name} (${own})`
      if (!this.given.has(numbered) && !this.ids.has(numbered)) return this.idOf(numbered)
    }
  }
}
