import { grown, unrolled } from '../pickers/column.js'
import type { PromptPath } from '../prompt/prompt-path.js'
import { OwnershipTable } from './ownership-table.js'

const NONE = -1
/** The home of a request whose home was forgotten. */
const GONE = -2
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
  /** Leading tokens of the prompt up to the end of the run, 0 for none. */
  tokens: number
  /** The run, -1 for none. */
  run: number
}

/**
 * Which backends were sent which runs of content, and how much prefill that brings each within a window. A request
 * counts for its *home*: of its leaf, which is what it has behind the shared runs, and these runs, from the end on, the
 * first with more tokens than are before it. A home costs its share of missed tokens x its requests x the time to
 * prefill it, split among the backends that have it; one without requests in the window is forgotten.
 *
 * `sent` is O(runs of the prompt x owners), the expiry of a request O(owners of its home).
 *
 * Source: the histogram and allocations of WukLab/preble, preble/global_scheduler_with_time.py at 8e7906a.
 */
export class HomeLoads {
  /** Cost of each backend's homes in ms, by id. */
  costsMs: Float64Array = new Float64Array(0)
  /** The part of it that is of homes with two requests or more. */
  sharedMs: Float64Array = new Float64Array(0)
  /** Requests sent to each backend within the window, by id. */
  recent: Int32Array = new Int32Array(0)
  private readonly options: HomeLoadsOptions
  private readonly owners = new OwnershipTable()
  // By run.
  private requests = new Int32Array(0)
  private hitTokens = new Float64Array(0)
  private promptTokens = new Float64Array(0)
  private runTokens = new Int32Array(0)
  private parents = new Int32Array(0)
  private ownerCounts = new Int32Array(0)
  /** What each owner pays for it, in all and as long as it has two requests or more. */
  private shares = new Float64Array(0)
  private sharedShares = new Float64Array(0)
  // Requests of the window, oldest first, in a ring.
  private sentMs = new Float64Array(64)
  private homes = new Int32Array(64)
  private backends = new Int32Array(64)
  private hits = new Float64Array(64)
  private prompts = new Float64Array(64)
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
    const perRun = 4 * this.requests.byteLength + 4 * this.hitTokens.byteLength
    const perRequest = this.sentMs.byteLength * 3 + this.homes.byteLength * 2
    const perBackend = 2 * this.costsMs.byteLength + this.recent.byteLength
    return this.owners.bytes + perRun + perRequest + perBackend
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

  /** Place in the path of a prompt's home; the length of the path when it is the request's own part. */
  static homeAt(path: PromptPath, promptTokens: number): number {
    if (path.length === 0 || promptTokens - path.tokens > path.tokens) return path.length
    let i = path.length - 1
    while (i > 0 && path.endTokens[i]! - path.endTokens[i - 1]! <= path.endTokens[i - 1]!) i--
    return i
  }

  /** Place in the path of the last run that some backend has, -1 for none. */
  lastOwned({ ids, length }: PromptPath): number {
    let i = length - 1
    while (i >= 0 && this.owners.firstOwner(ids[i]!) === NONE) i--
    return i
  }

  /** The last run of a prompt that some backend of those that pass has. */
  deepest(path: PromptPath, passes: (backend: number) => boolean, out: DeepestHolders): void {
    out.tokens = 0
    out.run = NONE
    for (let i = path.length - 1; i >= 0; i--) {
      let e = this.owners.firstOwner(path.ids[i]!)
      while (e !== NONE && !passes(this.owners.ownerOf(e))) e = this.owners.nextOwner(e)
      if (e === NONE) continue
      out.tokens = path.endTokens[i]!
      out.run = path.ids[i]!
      return
    }
  }

  /** Whether a backend has a run. */
  has(run: number, backend: number): boolean {
    return this.owners.find(run, backend) !== NONE
  }

  /** Writes the backends that have a run to {@link found}, in any order. @returns how many */
  ownersOf(run: number): number {
    return this.owners.ownersOf(run)
  }

  /** What {@link ownersOf} has found. */
  get found(): Int32Array {
    return this.owners.found
  }

  /** Writes 1 for each backend that has a run, by id, and 0 for the others; -1 is a run that nobody has. */
  holders(run: number, out: Float64Array): void {
    out.fill(0)
    for (let e = this.owners.firstOwner(run); e !== NONE; e = this.owners.nextOwner(e)) {
      const owner = this.owners.ownerOf(e)
      if (owner < out.length) out[owner] = 1
    }
  }

  /**
   * A request goes to a backend.
   * @param known - leading tokens that some backend had
   * @returns what {@link homeAt} says of it
   */
  sent(
    path: PromptPath,
    promptTokens: number,
    known: number,
    backend: number,
    nowMs: number,
  ): number {
    this.update(backend + 1, nowMs)
    this.allocate(path, backend, nowMs)
    const at = HomeLoads.homeAt(path, promptTokens)
    const home = at === path.length ? NONE : path.ids[at]!
    this.recent[backend] = this.recent[backend]! + 1
    this.count(home, backend, known, promptTokens, 1)
    this.push(nowMs, home, backend, known, promptTokens)
    return at
  }

  /** What a home costs each backend that has it, in ms. */
  shareMs(home: number): number {
    return this.shares[home]!
  }

  /** Writes the homes of a backend that have at least so many requests in the window. @returns how many */
  homesOf(backend: number, minRequests: number, out: number[]): number {
    out.length = 0
    let e = this.owners.oldestOf(backend)
    for (; e !== NONE; e = this.owners.newerThan(e)) {
      const run = this.owners.runOf(e)
      if (this.requests[run]! >= minRequests) out.push(run)
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

  /**
   * Forgets runs whose ids will stand for other content; with a run all that begin with it. O(ids + requests of
   * the window).
   */
  forget(ids: ArrayLike<number>): void {
    const counted = new Set<number>()
    for (let i = 0; i < ids.length; i++) {
      const run = ids[i]!
      if (this.owners.firstOwner(run) !== NONE) this.dropOwners(run)
      if (this.requests[run]! > 0) counted.add(run)
    }
    for (let i = 0; counted.size > 0 && i < this.length; i++) {
      const at = (this.head + i) & (this.sentMs.length - 1)
      const home = this.homes[at]!
      if (!counted.has(home)) continue
      this.count(home, this.backends[at]!, this.hits[at]!, this.prompts[at]!, -1)
      this.homes[at] = GONE
    }
  }

  /** Adds the runs of a backend that begin with a home, the oldest first, without the home. */
  private listBelow(home: number, backend: number): void {
    const { below, owners, parents } = this
    let parent = NONE
    let isBelow = false
    for (let e = owners.oldestOf(backend); e !== NONE; e = owners.newerThan(e)) {
      const run = owners.runOf(e)
      // Runs of one prompt lie one after the other, the last first: of a parent it is known already.
      if (run !== parent) isBelow = this.isBelow(run, home)
      if (run === home) isBelow = false
      else if (isBelow) below.push(run)
      parent = parents[run]!
    }
  }

  private isBelow(run: number, home: number): boolean {
    let at = run
    while (at !== NONE && at !== home) at = this.parents[at]!
    return at === home
  }

  private allocate(path: PromptPath, backend: number, nowMs: number): void {
    const { owners } = this
    const { ids, endTokens } = path
    owners.at(nowMs)
    // The deepest first, so that the oldest is a leaf.
    for (let i = path.length - 1; i >= 0; i--) {
      const run = ids[i]!
      const tokens = endTokens[i]! - (i === 0 ? 0 : endTokens[i - 1]!)
      if (!owners.touch(run, backend, tokens)) continue
      this.reserve(run)
      this.runTokens[run] = tokens
      this.parents[run] = i === 0 ? NONE : ids[i - 1]!
      this.addOwner(run, backend)
    }
    const { capacityTokens } = this.options
    while (owners.tokensOf(backend) > capacityTokens) this.dropEntry(owners.oldestOf(backend))
  }

  private own(run: number, backend: number): void {
    if (this.owners.touch(run, backend, this.runTokens[run]!)) this.addOwner(run, backend)
  }

  private addOwner(run: number, backend: number): void {
    this.pay(run, backend, 1)
    this.ownerCounts[run] = this.ownerCounts[run]! + 1
    this.settle(run)
  }

  private dropEntry(e: number): void {
    const run = this.owners.runOf(e)
    this.pay(run, this.owners.ownerOf(e), -1)
    this.ownerCounts[run] = this.ownerCounts[run]! - 1
    this.owners.drop(e)
    this.settle(run)
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
  private count(home: number, backend: number, hit: number, prompt: number, sign: 1 | -1): void {
    if (home === NONE) {
      const own = prompt - hit
      const missedMs = (own / prompt) * own * this.options.prefillMsPerToken
      // Rounded here as in `settle`: a number that a call gives back may be boxed.
      const parts = Math.round((missedMs + this.options.perHomeMs) * PARTS_PER_MS)
      const cost = parts / PARTS_PER_MS
      this.costsMs[backend] = this.costsMs[backend]! + sign * cost
      return
    }
    this.requests[home] = this.requests[home]! + sign
    this.hitTokens[home] = this.hitTokens[home]! + sign * hit
    this.promptTokens[home] = this.promptTokens[home]! + sign * prompt
    this.settle(home)
  }

  /** One backend begins or ends to pay for a home. */
  private pay(home: number, backend: number, sign: 1 | -1): void {
    this.costsMs[backend] = this.costsMs[backend]! + sign * this.shares[home]!
    this.sharedMs[backend] = this.sharedMs[backend]! + sign * this.sharedShares[home]!
  }

  /** Makes what the owners of a home pay right. */
  private settle(home: number): void {
    const requests = this.requests[home]!
    const owners = this.ownerCounts[home]!
    let share = 0
    if (requests > 0 && owners > 0) {
      const missed = 1 - this.hitTokens[home]! / this.promptTokens[home]!
      const prefillMs = this.runTokens[home]! * this.options.prefillMsPerToken
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
    if (home === GONE) return
    this.count(home, backend, this.hits[at]!, this.prompts[at]!, -1)
    if (home !== NONE && this.requests[home] === 0) this.dropOwners(home)
  }

  private push(ms: number, home: number, backend: number, hit: number, prompt: number): void {
    if (this.length === this.sentMs.length) this.growRing()
    const at = (this.head + this.length++) & (this.sentMs.length - 1)
    this.sentMs[at] = ms
    this.homes[at] = home
    this.backends[at] = backend
    this.hits[at] = hit
    this.prompts[at] = prompt
  }

  private growRing(): void {
    const { head } = this
    this.sentMs = unrolled(this.sentMs, head, new Float64Array(2 * this.length))
    this.homes = unrolled(this.homes, head, new Int32Array(2 * this.length))
    this.backends = unrolled(this.backends, head, new Int32Array(2 * this.length))
    this.hits = unrolled(this.hits, head, new Float64Array(2 * this.length))
    this.prompts = unrolled(this.prompts, head, new Float64Array(2 * this.length))
    this.head = 0
  }

  private reserve(run: number): void {
    if (run < this.requests.length) return
    const size = Math.max(256, 2 * (run + 1))
    this.requests = grown(this.requests, new Int32Array(size))
    this.runTokens = grown(this.runTokens, new Int32Array(size))
    this.parents = grown(this.parents, new Int32Array(size).fill(NONE))
    this.hitTokens = grown(this.hitTokens, new Float64Array(size))
    this.promptTokens = grown(this.promptTokens, new Float64Array(size))
    this.ownerCounts = grown(this.ownerCounts, new Int32Array(size))
    this.shares = grown(this.shares, new Float64Array(size))
    this.sharedShares = grown(this.sharedShares, new Float64Array(size))
  }
}
