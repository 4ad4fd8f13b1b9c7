/** The block ids of one prompt, as runs of consecutive numbers; one object serves many prompts. */
export class IdRuns {
  /** First and last id of each run, in turn; both included. */
  bounds: Float64Array = new Float64Array(128)
  runCount = 0
  /** Ids in all. */
  length = 0

  clear(): void {
    this.runCount = 0
    this.length = 0
  }

  push(id: number): void {
    const last = this.runCount * 2 - 1
    if (last > 0 && this.bounds[last] === id - 1) {
      this.bounds[last] = id
      this.length++
    } else this.pushRun(id, id)
  }

  /** Adds a run of consecutive ids. */
  pushRun(first: number, last: number): void {
    const at = this.runCount * 2
    if (at === this.bounds.length) {
      const grown = new Float64Array(at * 2)
      grown.set(this.bounds)
      this.bounds = grown
    }
    this.bounds[at] = first
    this.bounds[at + 1] = last
    this.runCount++
    this.length += last - first + 1
  }
}
