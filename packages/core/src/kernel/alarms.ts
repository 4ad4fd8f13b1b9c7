import { instantEnd } from './instant.js'

/**
 * One pending time per agent, and the earliest of them: a tournament tree over typed arrays. Setting a
 * time is O(log agents) without a branch to mispredict; the earliest is O(1), ties going to the lowest
 * number.
 */
export class Alarms {
  /** When each agent's alarm is to go off, in ms, `Infinity` for never; {@link arm} makes it count. */
  readonly dueMs: Float64Array
  private readonly leaves: number
  private readonly times: Float64Array
  private readonly winners: Int32Array

  constructor(agents: number) {
    let leaves = 1
    while (leaves < agents) leaves *= 2
    this.dueMs = new Float64Array(agents).fill(Number.POSITIVE_INFINITY)
    this.leaves = leaves
    this.times = new Float64Array(2 * leaves).fill(Number.POSITIVE_INFINITY)
    this.winners = new Int32Array(2 * leaves)
    for (let i = 0; i < leaves; i++) this.winners[leaves + i] = i
    for (let i = leaves - 1; i >= 1; i--) this.winners[i] = this.winners[2 * i]!
  }

  /** The earliest time, `Infinity` when none is pending. */
  get earliestMs(): number {
    return this.times[1]!
  }

  /** Whose it is. */
  get earliest(): number {
    return this.winners[1]!
  }

  /** True when no other time belongs to the instant that begins with the earliest. */
  isEarliestAlone(): boolean {
    const { times } = this
    const endMs = instantEnd(times[1]!)
    for (let at = this.leaves + this.winners[1]!; at > 1; at >>= 1) {
      if (times[at ^ 1]! <= endMs) return false
    }
    return true
  }

  /** Takes over an agent's time from {@link dueMs}. */
  arm(agent: number): void {
    this.times[this.leaves + agent] = this.dueMs[agent]!
    this.play(agent)
  }

  /** Forgets an agent's time, whatever {@link dueMs} says. */
  silence(agent: number): void {
    this.times[this.leaves + agent] = Number.POSITIVE_INFINITY
    this.play(agent)
  }

  /** Finds the winners above an agent's leaf anew. */
  private play(agent: number): void {
    const { times, winners } = this
    let at = this.leaves + agent
    for (at >>= 1; at >= 1; at >>= 1) {
      const left = at << 1
      const winner = left + ((times[left + 1]! < times[left]! ? 1 : 0) | 0)
      times[at] = times[winner]!
      winners[at] = winners[winner]!
    }
  }
}
