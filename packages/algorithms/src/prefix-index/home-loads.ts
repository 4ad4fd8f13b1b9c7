import { grown, unrolled } from '../pickers/column.js'
import type { PromptPath } from '../prompt/prompt-path.js'
import { OwnershipTable } from './ownership-table.js'
import { PromptNodes } from './prompt-nodes.js'

const NONE = -1
/** Costs are multiples of this part of a millisecond, so that sums of them are exact and what is taken back leaves nothing. */
const PARTS_PER_MS = 2 ** 20

/** What {@link HomeLoads} goes by. */
export interface HomeLoadsOptions {
  /** How long a request counts, in ms. */
  readonly windowMs: number
  /** Tokens that a backend is believed to keep, the last used ones. */
  readonly capacityTokens: number
  readonly prefillMsPerToken: number
  /** What each home counts beside its prefill, on each backend that has it, in ms. */
  readonly perHomeMs: number
}

/** What {@link HomeLoads.deepest} found. */
export interface DeepestHolders {
  /** Leading tokens of the prompt up to the end of the node, 0 for none. */
  tokens: number
  /** The node, -1 for none. */
  node: number
}

/**
 * Which backends were sent which {@link PromptNodes}, and how much prefill that brings each within a window. A request
 * counts for its *home*: of the nodes of its prompt, from the end on, the first with more tokens than are before it. A
 * home costs its share of missed tokens x its requests x the time to prefill it, split among the backends that have it;
 * one without requests in the window is forgotten. Both parts of a node that is cut are with its owners; its requests
 * go with the earlier part where that alone is more than what is before it.
 *
 * `sent` is O(runs of the prompt + its nodes x owners), the expiry of a request O(owners of its home).
 *
 * Source: the histogram and allocations of WukLab/preble, preble/global_scheduler_with_time.py at 8e7906a; what becomes
 * of them at a cut: handle_split_node_histogram and handle_split_nodes_gpu_allocations, multi_node/ there at 0c962c4.
 */
export class HomeLoads {
  /** Cost of each backend's homes in ms, by id. */
  costsMs: Float64Array = new Float64Array(0)
  /** The part of it that is of homes with two requests or more. */
  sharedMs: Float64Array = new Float64Array(0)
  /** Requests sent to each backend within the window, by id. */
  recent: Int32Array = new Int32Array(0)
  private readonly options: HomeLoadsOptions
  private readonly tree = new PromptNodes()
  private readonly owners = new OwnershipTable()
  // What counts for a home lies in a row, so that it can go to another node as a whole.
  private requests = new Int32Array(0)
  private active = new Int32Array(0)
  private hitTokens = new Float64Array(0)
  private promptTokens = new Float64Array(0)
  private sinceMs = new Float64Array(0)
  // By node: its row, and the backends that have it. By row: the node.
  private rows = new Int32Array(0)
  private nodes = new Int32Array(0)
  private ownerCounts = new Int32Array(0)
  /** What each owner pays for it, in all and as long as it has two requests or more. */
  private shares = new Float64Array(0)
  private sharedShares = new Float64Array(0)
  // Requests of the window, oldest first, in a ring.
  private sentMs = new Float64Array(64)
  private homes = new Int32Array(64)
  private backends = new Int32Array(64)
  private hits = new Float64Array(64)
  private promptsSent = new Float64Array(64)
  private head = 0
  private length = 0
  private readonly below: number[] = []

  constructor(options: HomeLoadsOptions) {
    this.options = options
  }

  /** Entries of all backends. */
  get size(): number {
    return this.owners.size
  }

  /** Memory that it takes, in bytes. */
  get bytes(): number {
    const perNode = 5 * this.requests.byteLength + 5 * this.hitTokens.byteLength
    const perRequest = this.sentMs.byteLength * 3 + this.homes.byteLength * 2
    const perBackend = 2 * this.costsMs.byteLength + this.recent.byteLength
    return this.owners.bytes + this.tree.bytes + perNode + perRequest + perBackend
  }

  /** Makes room for a fleet, and forgets what has left the window. */
  update(size: number, nowMs: number): void {
    if (size > this.costsMs.length) {
      this.costsMs = grown(this.costsMs, new Float64Array(size))
      this.sharedMs = grown(this.sharedMs, new Float64Array(size))
      this.recent = grown(this.recent, new Int32Array(size))
      this.owners.reserveOwners(size)
    }
    while (this.length > 0 && nowMs - this.sentMs[this.head]! >= this.options.windowMs) {
      this.expireOldest()
    }
  }

  /** Looks a prompt up; what is asked and told then is of this one. */
  read(path: PromptPath, nowMs: number): void {
    const { tree } = this
    tree.find(path)
    const later = tree.cut()
    if (later !== NONE) this.divide(tree.nodes[tree.length - 1]!, later, nowMs)
  }

  /** Nodes of the prompt: those that are known before {@link sent}, all of them after. */
  get depth(): number {
    return this.tree.length
  }

  /** Offset of the end of a node, in tokens from the start of the prompt. */
  endOf(node: number): number {
    return this.tree.endOf(node)
  }

  /** Of two nodes, whether the first is the older. */
  isOlder(node: number, other: number): boolean {
    return this.tree.serialOf(node) < this.tree.serialOf(other)
  }

  /** The last node of the prompt that some backend has, -1 for none. */
  lastOwned(): number {
    const { length, nodes } = this.tree
    let i = length - 1
    while (i >= 0 && this.owners.firstOwner(nodes[i]!) === NONE) i--
    return i === -1 ? NONE : nodes[i]!
  }

  /** The last node of the prompt that some backend of those that pass has. */
  deepest(passes: (backend: number) => boolean, out: DeepestHolders): void {
    const { length, nodes } = this.tree
    out.tokens = 0
    out.node = NONE
    for (let i = length - 1; i >= 0; i--) {
      let e = this.owners.firstOwner(nodes[i]!)
      while (e !== NONE && !passes(this.owners.ownerOf(e))) e = this.owners.nextOwner(e)
      if (e === NONE) continue
      out.tokens = this.tree.endOf(nodes[i]!)
      out.node = nodes[i]!
      return
    }
  }

  /** Whether a backend has a node. */
  has(node: number, backend: number): boolean {
    return this.owners.find(node, backend) !== NONE
  }

  /** Writes the backends that have a node to {@link found}, in any order. @returns how many */
  ownersOf(node: number): number {
    return this.owners.ownersOf(node)
  }

  /** What {@link ownersOf} has found. */
  get found(): Int32Array {
    return this.owners.found
  }

  /** Writes 1 for each backend that has a node, by id, and 0 for the others; -1 is a node that nobody has. */
  holders(node: number, out: Float64Array): void {
    out.fill(0)
    for (let e = this.owners.firstOwner(node); e !== NONE; e = this.owners.nextOwner(e)) {
      const owner = this.owners.ownerOf(e)
      if (owner < out.length) out[owner] = 1
    }
  }

  /**
   * The request with the prompt goes to a backend.
   * @param promptTokens - length of the prompt, with what is its own
   * @param known - leading tokens that some backend had
   * @returns how many nodes of the prompt are before its home
   */
  sent(promptTokens: number, known: number, backend: number, nowMs: number): number {
    const { tree } = this
    this.update(backend + 1, nowMs)
    const added = tree.addRest(promptTokens)
    if (added !== NONE) this.open(added, nowMs)
    const at = this.homeAt()
    const row = this.rows[tree.nodes[at]!]!
    this.recent[backend] = this.recent[backend]! + 1
    this.count(row, known, tree.tokens, 1)
    this.push(nowMs, row, backend, known, tree.tokens)
    this.allocate(backend, nowMs)
    return at
  }

  /** What stands for a node of the prompt as a home, whatever is cut later on; until it is forgotten. */
  homeOf(at: number): number {
    return this.rows[this.tree.nodes[at]!]!
  }

  /** Requests of a home under way, which is not forgotten as long as there are any. */
  changeActive(home: number, change: 1 | -1): void {
    this.active[home] = this.active[home]! + change
    this.release(this.nodes[home]!)
  }

  /** Requests under way of the home that a node is. */
  activeOf(node: number): number {
    return this.active[this.rows[node]!]!
  }

  /** What stands for a node as a home. */
  rowOf(node: number): number {
    return this.rows[node]!
  }

  /** Since when a node is a home, in ms. */
  sinceMsOf(node: number): number {
    return this.sinceMs[this.rows[node]!]!
  }

  /** What a home costs each backend that has it, in ms. */
  shareMs(node: number): number {
    return this.shares[node]!
  }

  /** Writes the homes of a backend that have at least so many requests in the window. @returns how many */
  homesOf(backend: number, minRequests: number, out: number[]): number {
    out.length = 0
    let e = this.owners.oldestOf(backend)
    for (; e !== NONE; e = this.owners.newerThan(e)) {
      const node = this.owners.runOf(e)
      if (this.requests[this.rows[node]!]! >= minRequests) out.push(node)
    }
    return out.length
  }

  /** Gives a home, and all that begins with it, to one backend alone. */
  move(home: number, to: number, nowMs: number): void {
    const { below, owners } = this
    owners.at(nowMs)
    below.length = 0
    for (let backend = 0; backend < this.costsMs.length; backend++) this.listBelow(home, backend)
    // The home last, so that the oldest of a backend stays a leaf.
    below.push(home)
    for (let i = 0; i < below.length; i++) {
      // One that several backends have is listed for each.
      const run = below[i]!
      if (this.ownerCounts[run] === 1) {
        const e = owners.firstOwner(run)
        this.pay(run, owners.ownerOf(e), -1)
        owners.give(e, to)
        this.pay(run, to, 1)
      } else {
        this.dropOwners(run)
        this.own(run, to)
      }
    }
  }

  /** Gives a home to one more backend. */
  replicate(home: number, to: number, nowMs: number): void {
    this.owners.at(nowMs)
    this.own(home, to)
  }

  /** Forgets what a backend has. */
  remove(backend: number): void {
    for (let e = this.owners.oldestOf(backend); e !== NONE; e = this.owners.oldestOf(backend)) {
      this.dropEntry(e)
    }
  }

  /** Forgets which nodes hold runs whose ids will stand for other content. What was sent goes on to count. */
  forget(ids: ArrayLike<number>): void {
    this.tree.forget(ids)
  }

  /** How many nodes of the prompt are before its home. */
  private homeAt(): number {
    const { length, nodes } = this.tree
    let i = length - 1
    while (i > 0 && !this.isLarge(nodes[i]!)) i--
    return i
  }

  /** Whether a node has more tokens than are before it. */
  private isLarge(node: number): boolean {
    return this.tree.tokensOf(node) > this.tree.startOf(node)
  }

  /** Makes room for a new node, of which nobody has anything. */
  private open(node: number, nowMs: number): void {
    this.reserve(node)
    this.sinceMs[this.rows[node]!] = nowMs
  }

  /** A node was cut in two. */
  private divide(earlier: number, later: number, nowMs: number): void {
    const { owners, tree } = this
    this.open(earlier, nowMs)
    const tokens = tree.tokensOf(earlier)
    for (let e = owners.firstOwner(later); e !== NONE; e = owners.nextOwner(e)) {
      owners.divide(e, earlier, tokens)
    }
    this.ownerCounts[earlier] = this.ownerCounts[later]!
    if (this.isLarge(earlier) && !this.isLarge(later)) this.exchangeRows(earlier, later)
    this.settle(earlier)
    this.settle(later)
    // Where nobody has it and its requests went with the other part.
    this.release(later)
  }

  private exchangeRows(a: number, b: number): void {
    const { nodes, rows } = this
    const row = rows[a]!
    rows[a] = rows[b]!
    rows[b] = row
    nodes[rows[a]!] = a
    nodes[row] = b
  }

  /** Forgets nodes that nobody has and nothing counts for, from a leaf on. */
  private release(node: number): void {
    const { tree } = this
    let at = node
    while (at !== NONE && this.ownerCounts[at] === 0 && tree.isLeaf(at)) {
      const row = this.rows[at]!
      if (this.requests[row] !== 0 || this.active[row] !== 0) return
      const parent = tree.parentOf(at)
      tree.drop(at)
      at = parent
    }
  }

  /** Adds the nodes of a backend that begin with a home, the oldest first, without the home. */
  private listBelow(home: number, backend: number): void {
    const { below, owners, tree } = this
    let parent = NONE
    let isBelow = false
    for (let e = owners.oldestOf(backend); e !== NONE; e = owners.newerThan(e)) {
      const node = owners.runOf(e)
      // Nodes of one prompt lie one after the other, the last first: of a parent it is known already.
      if (node !== parent) isBelow = this.isBelow(node, home)
      if (node === home) isBelow = false
      else if (isBelow) below.push(node)
      parent = tree.parentOf(node)
    }
  }

  private isBelow(node: number, home: number): boolean {
    let at = node
    while (at !== NONE && at !== home) at = this.tree.parentOf(at)
    return at === home
  }

  private allocate(backend: number, nowMs: number): void {
    const { owners, tree } = this
    owners.at(nowMs)
    // The deepest first, so that the oldest is a leaf.
    for (let i = tree.length - 1; i >= 0; i--) this.own(tree.nodes[i]!, backend)
    const { capacityTokens } = this.options
    while (owners.tokensOf(backend) > capacityTokens) this.dropEntry(owners.oldestOf(backend))
  }

  private own(node: number, backend: number): void {
    if (!this.owners.touch(node, backend, this.tree.tokensOf(node))) return
    this.pay(node, backend, 1)
    this.ownerCounts[node] = this.ownerCounts[node]! + 1
    this.settle(node)
  }

  private dropEntry(e: number): void {
    const node = this.owners.runOf(e)
    this.pay(node, this.owners.ownerOf(e), -1)
    this.ownerCounts[node] = this.ownerCounts[node]! - 1
    this.owners.drop(e)
    this.settle(node)
    this.release(node)
  }

  private dropOwners(run: number): void {
    const { owners } = this
    for (let e = owners.firstOwner(run); e !== NONE; e = owners.firstOwner(run)) {
      this.pay(run, owners.ownerOf(e), -1)
      owners.drop(e)
    }
    this.ownerCounts[run] = 0
    this.settle(run)
  }

  /** A request comes to a home, or leaves it. */
  private count(row: number, hit: number, prompt: number, sign: 1 | -1): void {
    this.requests[row] = this.requests[row]! + sign
    this.hitTokens[row] = this.hitTokens[row]! + sign * hit
    this.promptTokens[row] = this.promptTokens[row]! + sign * prompt
    this.settle(this.nodes[row]!)
  }

  /** One backend begins or ends to pay for a home. */
  private pay(home: number, backend: number, sign: 1 | -1): void {
    this.costsMs[backend] = this.costsMs[backend]! + sign * this.shares[home]!
    this.sharedMs[backend] = this.sharedMs[backend]! + sign * this.sharedShares[home]!
  }

  /** Makes what the owners of a home pay right. */
  private settle(home: number): void {
    const row = this.rows[home]!
    const requests = this.requests[row]!
    const owners = this.ownerCounts[home]!
    let share = 0
    if (requests > 0 && owners > 0) {
      const missed = 1 - this.hitTokens[row]! / this.promptTokens[row]!
      const prefillMs = this.tree.tokensOf(home) * this.options.prefillMsPerToken
      const exact = (missed * requests * prefillMs) / owners + this.options.perHomeMs
      share = Math.round(exact * PARTS_PER_MS) / PARTS_PER_MS
    }
    const shared = requests > 1 ? share : 0
    const more = share - this.shares[home]!
    const sharedMore = shared - this.sharedShares[home]!
    if (more === 0 && sharedMore === 0) return
    this.shares[home] = share
    this.sharedShares[home] = shared
    const { costsMs, sharedMs } = this
    for (let e = this.owners.firstOwner(home); e !== NONE; e = this.owners.nextOwner(e)) {
      const owner = this.owners.ownerOf(e)
      costsMs[owner] = costsMs[owner]! + more
      sharedMs[owner] = sharedMs[owner]! + sharedMore
    }
  }

  private expireOldest(): void {
    const at = this.head
    const home = this.homes[at]!
    const backend = this.backends[at]!
    this.head = (at + 1) & (this.sentMs.length - 1)
    this.length--
    this.recent[backend] = this.recent[backend]! - 1
    this.count(home, this.hits[at]!, this.promptsSent[at]!, -1)
    if (this.requests[home] !== 0) return
    const node = this.nodes[home]!
    this.dropOwners(node)
    this.release(node)
  }

  private push(ms: number, home: number, backend: number, hit: number, prompt: number): void {
    if (this.length === this.sentMs.length) this.growRing()
    const at = (this.head + this.length++) & (this.sentMs.length - 1)
    this.sentMs[at] = ms
    this.homes[at] = home
    this.backends[at] = backend
    this.hits[at] = hit
    this.promptsSent[at] = prompt
  }

  private growRing(): void {
    const { head } = this
    this.sentMs = unrolled(this.sentMs, head, new Float64Array(2 * this.length))
    this.homes = unrolled(this.homes, head, new Int32Array(2 * this.length))
    this.backends = unrolled(this.backends, head, new Int32Array(2 * this.length))
    this.hits = unrolled(this.hits, head, new Float64Array(2 * this.length))
    this.promptsSent = unrolled(this.promptsSent, head, new Float64Array(2 * this.length))
    this.head = 0
  }

  private reserve(node: number): void {
    const before = this.requests.length
    if (node < before) return
    const size = Math.max(256, 2 * (node + 1))
    this.requests = grown(this.requests, new Int32Array(size))
    this.active = grown(this.active, new Int32Array(size))
    this.hitTokens = grown(this.hitTokens, new Float64Array(size))
    this.promptTokens = grown(this.promptTokens, new Float64Array(size))
    this.sinceMs = grown(this.sinceMs, new Float64Array(size))
    this.rows = grown(this.rows, new Int32Array(size))
    this.nodes = grown(this.nodes, new Int32Array(size))
    this.ownerCounts = grown(this.ownerCounts, new Int32Array(size))
    this.shares = grown(this.shares, new Float64Array(size))
    this.sharedShares = grown(this.sharedShares, new Float64Array(size))
    for (let i = before; i < size; i++) {
      this.rows[i] = i
      this.nodes[i] = i
    }
  }
}
