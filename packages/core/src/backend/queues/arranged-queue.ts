import { RouteSimError } from '../../errors/routesim-error.js'
import { calling } from './checked-policy.js'
import type { ArrangedPolicy } from './local-policy.js'
import type { LocalQueue } from './local-queue.js'
import type { WaitingView } from './waiting-view.js'

/** A list in the order of arrival, and the order that the policy made of it last. O(waiting) for each batch. */
export class ArrangedQueue implements LocalQueue {
  private readonly policy: ArrangedPolicy
  private readonly view: WaitingView
  /** First come first. */
  private readonly requests: number[] = []
  /** Last to go first; empty once somebody joins. */
  private arranged: number[] = []
  /** Those of them who were passed over in this round. */
  private readonly aside = new Set<number>()

  constructor(policy: ArrangedPolicy, view: WaitingView) {
    this.policy = policy
    this.view = view
  }

  peek(): number {
    const { arranged, aside, requests } = this
    return arranged.at(-1) ?? requests.find((request) => !aside.has(request)) ?? -1
  }

  push(request: number, isFirst: boolean): void {
    this.arranged = []
    if (isFirst) this.requests.unshift(request)
    else this.requests.push(request)
  }

  pop(): number {
    const request = this.peek()
    this.requests.splice(this.requests.indexOf(request), 1)
    this.arranged.pop()
    return request
  }

  setAside(): void {
    this.aside.add(this.peek())
    this.arranged.pop()
  }

  endRound(): void {
    if (this.aside.size === 0) return
    this.aside.clear()
    this.arranged = []
  }

  remove(request: number): boolean {
    const at = this.requests.indexOf(request)
    if (at < 0) return false
    this.arranged = []
    this.requests.splice(at, 1)
    return true
  }

  clear(): void {
    this.requests.length = 0
    this.arranged = []
  }

  /** @throws RouteSimError `policy_failed` when the policy throws, or loses a request */
  arrange(): void {
    const { requests, view } = this
    const order = Int32Array.from(requests, (_, i) => i)
    view.show(requests)
    const { policy } = this
    calling(policy.name, 'arrange()', () => policy.arrange(view, order))
    const isThere = new Uint8Array(requests.length)
    for (const i of order) isThere[i] = 1
    if (isThere.includes(0)) {
      throw new RouteSimError(
        `local policy "${policy.name}": expected an order of ${requests.length} waiting requests, got ${order.join(' ')}`,
        { code: 'policy_failed' },
      )
    }
    this.arranged = Array.from(order, (i) => requests[i]!).reverse()
  }
}
