import type { BackendSpec } from '../../engine/simulation-options.js'
import type { FleetContext } from '../fleet.js'
import { ArrangedQueue } from './arranged-queue.js'
import { rankBy } from './checked-policy.js'
import type { LocalPolicies } from './local-policy.js'
import type { LocalQueue } from './local-queue.js'
import { RankedQueue } from './ranked-queue.js'
import { WaitingCursor } from './waiting-cursor.js'
import { WaitingQueues } from './waiting-queues.js'
import { WaitingView } from './waiting-view.js'

/** The queues of a fleet: first come first served where no backend says otherwise. */
export function queuesOf(context: FleetContext): WaitingQueues {
  return context.specs.some(hasLocalPolicy)
    ? new OrderedQueues(context)
    : new WaitingQueues(context.specs.length, context.requests.size)
}

/** Whether a backend has another order than first come, first served. */
export function hasLocalPolicy({ scheduling }: BackendSpec): boolean {
  return scheduling !== undefined
}

/** Queues in the order of local policies, for those backends that have one. */
export class OrderedQueues extends WaitingQueues {
  private readonly queues: readonly (LocalQueue | undefined)[]
  private readonly policies: LocalPolicies
  private readonly cursor: WaitingCursor

  constructor(context: FleetContext) {
    super(context.specs.length, context.requests.size)
    this.cursor = new WaitingCursor(context.requests)
    this.policies = context.policies
    this.queues = this.policies.map((policy, backend) => {
      if (policy === undefined) return undefined
      return 'arrange' in policy
        ? new ArrangedQueue(policy, new WaitingView(backend, context))
        : new RankedQueue((request) => rankBy(policy, this.cursor, request))
    })
  }

  override peek(backend: number): number {
    return this.queues[backend]?.peek() ?? super.peek(backend)
  }

  override pushBack(backend: number, request: number): void {
    const queue = this.queues[backend]
    if (queue === undefined) super.pushBack(backend, request)
    else queue.push(request, false)
  }

  override pushFront(backend: number, request: number): void {
    const queue = this.queues[backend]
    if (queue === undefined) super.pushFront(backend, request)
    else queue.push(request, true)
  }

  override popFront(backend: number): number {
    return this.queues[backend]?.pop() ?? super.popFront(backend)
  }

  override remove(backend: number, request: number): boolean {
    return this.queues[backend]?.remove(request) ?? super.remove(backend, request)
  }

  override clear(backend: number): void {
    this.queues[backend]?.clear()
    super.clear(backend)
  }

  override setAside(backend: number): void {
    const queue = this.queues[backend]
    if (queue === undefined) super.setAside(backend)
    else queue.setAside()
  }

  override endRound(backend: number): void {
    const queue = this.queues[backend]
    if (queue === undefined) super.endRound(backend)
    else queue.endRound()
  }

  override arrange(backend: number): void {
    this.queues[backend]?.arrange()
  }

  override isArranged(backend: number): boolean {
    const policy = this.policies[backend]
    return policy !== undefined && 'arrange' in policy
  }

  override preemptsByRank(backend: number): boolean {
    const policy = this.policies[backend]
    return policy !== undefined && 'rank' in policy && policy.preemptsByRank === true
  }

  override rankOf(backend: number, request: number): number {
    const policy = this.policies[backend]
    return policy !== undefined && 'rank' in policy ? rankBy(policy, this.cursor, request) : 0
  }
}
