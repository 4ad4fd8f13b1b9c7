/** Requests waiting at a backend: first in, first out, and a way back to the front. O(1) each. */
export class WaitingQueue {
  private ring = new Int32Array(16)
  private head = 0
  private count = 0

  get size(): number {
    return this.count
  }

  /** The request at the front; the queue must not be empty. */
  peek(): number {
    return this.ring[this.head]!
  }

  pushBack(request: number): void {
    if (this.count === this.ring.length) this.grow()
    this.ring[(this.head + this.count++) & (this.ring.length - 1)] = request
  }

  pushFront(request: number): void {
    if (this.count === this.ring.length) this.grow()
    this.head = (this.head - 1) & (this.ring.length - 1)
    this.ring[this.head] = request
    this.count++
  }

  popFront(): number {
    const request = this.ring[this.head]!
    this.head = (this.head + 1) & (this.ring.length - 1)
    this.count--
    return request
  }

  private grow(): void {
    const ring = new Int32Array(this.ring.length * 2)
    for (let i = 0; i < this.count; i++) {
      ring[i] = this.ring[(this.head + i) & (this.ring.length - 1)]!
    }
    this.ring = ring
    this.head = 0
  }
}
