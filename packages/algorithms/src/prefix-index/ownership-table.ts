import { grown } from '../pickers/column.js'
import { OwnerRows } from './owner-rows.js'

const NONE = -1
// Fields of an entry: one backend's hold on one run of content.
const NODE = 0
const OWNER = 1
const NEXT_OF_NODE = 2
const OLDER = 3
const NEWER = 4
const TOKENS = 5
const USES = 6
const PREVIOUS_OF_NODE = 7
const FIELDS = 8

/**
 * Which backends own which runs of content, each with its own order of last use. Entries lie in one typed
 * array; ids of runs are dense integers.
 *
 * All operations are O(1) or O(what they drop), and {@link ownersOf} O(owners), as runs with many owners have
 * {@link OwnerRows}. No allocation once grown.
 */
export class OwnershipTable {
  private entries = new Int32Array(FIELDS * 256)
  private usedMs = new Float64Array(256)
  /** When it is. In a column, as V8 would box a time for each run that is touched. */
  private readonly nowMs = new Float64Array(1)
  private unused = NONE
  private count = 0
  /** By run: its first entry. */
  private heads = new Int32Array(0)
  /** By backend: least and most recently used entry, and tokens owned. */
  private oldest = new Int32Array(0)
  private newest = new Int32Array(0)
  private tokens = new Float64Array(0)
  private entryCount = 0
  private readonly rows = new OwnerRows()
  /** What {@link ownersOf} has found. */
  found: Int32Array = new Int32Array(0)

  /** Entries of all backends. */
  get size(): number {
    return this.entryCount
  }

  /**
   * Memory of its arrays: 40 bytes per entry there was room for at once, up to 64 more for those of runs with many
   * owners, and 8 per run that was ever owned.
   */
  get bytes(): number {
    const { entries, usedMs, heads, oldest, newest, tokens, found } = this
    const perEntry = entries.byteLength + usedMs.byteLength
    const perBackend = oldest.byteLength + newest.byteLength + tokens.byteLength + found.byteLength
    return perEntry + perBackend + heads.byteLength + this.rows.bytes
  }

  /** Tokens that a backend owns. */
  tokensOf(backend: number): number {
    return this.tokens[backend] ?? 0
  }

  /** The first entry of a run, -1 for none. */
  firstOwner(run: number): number {
    return this.heads[run] ?? NONE
  }

  /** The next entry of the same run, -1 for none. */
  nextOwner(entry: number): number {
    return this.entries[entry + NEXT_OF_NODE]!
  }

  /** The backend of an entry. */
  ownerOf(entry: number): number {
    return this.entries[entry + OWNER]!
  }

  /** The run of an entry. */
  runOf(entry: number): number {
    return this.entries[entry + NODE]!
  }

  /** The least recently used entry of a backend, -1 for none. */
  oldestOf(backend: number): number {
    return this.oldest[backend] ?? NONE
  }

  /** The entry of the same backend that was used next, -1 for none. */
  newerThan(entry: number): number {
    return this.entries[entry + NEWER]!
  }

  /** Tokens of an entry. */
  tokensIn(entry: number): number {
    return this.entries[entry + TOKENS]!
  }

  /** Counts an entry as other tokens than when it was added. */
  resize(entry: number, tokens: number): void {
    const { entries } = this
    const backend = entries[entry + OWNER]!
    this.tokens[backend] = this.tokens[backend]! + tokens - entries[entry + TOKENS]!
    entries[entry + TOKENS] = tokens
  }

  /** When the entry was last touched, in ms. */
  usedMsOf(entry: number): number {
    return this.usedMs[entry / FIELDS]!
  }

  /** The entry of a backend in a run, -1 for none. */
  find(run: number, backend: number): number {
    const row = this.rows.of(run)
    if (row !== NONE) return backend < this.rows.width ? this.rows.entries[row + backend]! : NONE
    const { entries } = this
    let e = this.firstOwner(run)
    while (e !== NONE && entries[e + OWNER] !== backend) e = entries[e + NEXT_OF_NODE]!
    return e
  }

  /** Writes the owners of a run to {@link found}, in any order. @returns how many */
  ownersOf(run: number): number {
    const { found, entries } = this
    let count = 0
    const row = this.rows.of(run)
    if (row === NONE) {
      for (let e = this.firstOwner(run); e !== NONE; e = entries[e + NEXT_OF_NODE]!)
        found[count++] = entries[e + OWNER]!
      return count
    }
    const { entries: known, width } = this.rows
    for (let backend = 0; backend < width; backend++) {
      // Written in any case, and kept if it counts: no branch that would be guessed wrong.
      found[count] = backend
      count += known[row + backend] === NONE ? 0 : 1
    }
    return count
  }

  /** What is touched from now on is used at this time, in ms; 0 until then. */
  at(nowMs: number): void {
    this.nowMs[0] = nowMs
  }

  /**
   * Makes a run the most recently used of a backend, adding it when it is new.
   * @param tokens - of the run, counted when it is added
   * @returns whether it is new
   */
  touch(run: number, backend: number, tokens: number): boolean {
    this.reserve(run, backend)
    const { rows } = this
    const row = rows.of(run)
    let known = NONE
    let owners = 1
    if (row !== NONE) known = rows.entries[row + backend]!
    else {
      const { entries } = this
      known = this.heads[run]!
      for (; known !== NONE && entries[known + OWNER] !== backend; owners++) {
        known = entries[known + NEXT_OF_NODE]!
      }
    }
    const e = known === NONE ? this.take() : known
    const { entries } = this
    if (known === NONE) {
      entries[e + NODE] = run
      entries[e + OWNER] = backend
      entries[e + TOKENS] = tokens
      entries[e + USES] = 0
      const next = this.heads[run]!
      entries[e + NEXT_OF_NODE] = next
      entries[e + PREVIOUS_OF_NODE] = NONE
      if (next !== NONE) entries[next + PREVIOUS_OF_NODE] = e
      this.heads[run] = e
      if (row !== NONE) rows.add(run, backend, e)
      else if (owners >= rows.wideFrom) this.openRow(run, e)
      this.tokens[backend] = this.tokens[backend]! + tokens
      this.entryCount++
    } else {
      this.unlinkUse(e)
    }
    this.linkNewest(e, backend)
    this.usedMs[e / FIELDS] = this.nowMs[0]!
    return known === NONE
  }

  private linkNewest(e: number, backend: number): void {
    const { entries } = this
    const before = this.newest[backend]!
    entries[e + OLDER] = before
    entries[e + NEWER] = NONE
    if (before === NONE) this.oldest[backend] = e
    else entries[before + NEWER] = e
    this.newest[backend] = e
  }

  /** Adds a use of a run by a backend, which then owns it until as many uses are taken back. */
  acquire(run: number, backend: number, tokens: number): void {
    let e = this.find(run, backend)
    if (e === NONE) {
      this.touch(run, backend, tokens)
      e = this.newest[backend]!
    }
    this.entries[e + USES] = this.entries[e + USES]! + 1
  }

  /** Takes a use back; the run is forgotten with its last. Nothing happens when it has none. */
  release(run: number, backend: number): void {
    const e = this.find(run, backend)
    if (e === NONE) return
    const uses = this.entries[e + USES]! - 1
    this.entries[e + USES] = uses
    if (uses <= 0) this.drop(e)
  }

  /** When the least recently used entry of a backend was touched, in ms; Infinity when it owns none. */
  oldestMs(backend: number): number {
    const e = this.oldest[backend] ?? NONE
    return e === NONE ? Number.POSITIVE_INFINITY : this.usedMs[e / FIELDS]!
  }

  /** Forgets the least recently used entry of a backend. @returns false when it owns none */
  dropOldest(backend: number): boolean {
    const e = this.oldest[backend] ?? NONE
    if (e === NONE) return false
    this.drop(e)
    return true
  }

  /** Forgets all entries of a run. */
  dropRun(run: number): void {
    for (let e = this.firstOwner(run); e !== NONE; e = this.firstOwner(run)) this.drop(e)
  }

  /** Forgets one entry. */
  drop(e: number): void {
    const { entries, heads } = this
    const run = entries[e + NODE]!
    const backend = entries[e + OWNER]!
    const next = entries[e + NEXT_OF_NODE]!
    const previous = entries[e + PREVIOUS_OF_NODE]!
    if (previous === NONE) heads[run] = next
    else entries[previous + NEXT_OF_NODE] = next
    if (next !== NONE) entries[next + PREVIOUS_OF_NODE] = previous
    this.rows.remove(run, backend)
    this.unlinkUse(e)
    this.tokens[backend] = this.tokens[backend]! - entries[e + TOKENS]!
    this.entryCount--
    entries[e + NEXT_OF_NODE] = this.unused
    this.unused = e
  }

  /**
   * Cuts an entry in two: what comes before it in its prompts becomes one of a run of its own, used at the same time and
   * a moment after, so that it outlives what begins with it.
   * @param tokens - of the new run, which are no longer of the entry's
   */
  divide(e: number, run: number, tokens: number): void {
    const { entries } = this
    const backend = entries[e + OWNER]!
    const usedMs = this.usedMs[e / FIELDS]!
    const newer = entries[e + NEWER]!
    this.resize(e, entries[e + TOKENS]! - tokens)
    this.touch(run, backend, tokens)
    const added = this.newest[backend]!
    this.usedMs[added / FIELDS] = usedMs
    if (newer === NONE) return
    // The arrays may be others since.
    const { entries: all } = this
    this.unlinkUse(added)
    all[added + OLDER] = e
    all[added + NEWER] = newer
    all[e + NEWER] = added
    all[newer + OLDER] = added
  }

  /** Gives the entry of a run with one owner, which so has no row, to another backend, as what it used last. */
  give(e: number, to: number): void {
    const { entries } = this
    if (to >= this.oldest.length) this.reserveOwners(2 * (to + 1))
    const from = entries[e + OWNER]!
    const tokens = entries[e + TOKENS]!
    this.unlinkUse(e)
    entries[e + OWNER] = to
    this.tokens[from] = this.tokens[from]! - tokens
    this.tokens[to] = this.tokens[to]! + tokens
    this.linkNewest(e, to)
    this.usedMs[e / FIELDS] = this.nowMs[0]!
  }

  /** Gives a run a row, with the entries of its list. */
  private openRow(run: number, first: number): void {
    const { rows, entries } = this
    rows.open(run)
    for (let e = first; e !== NONE; e = entries[e + NEXT_OF_NODE]!) {
      rows.add(run, entries[e + OWNER]!, e)
    }
  }

  private unlinkUse(e: number): void {
    const { entries } = this
    const backend = entries[e + OWNER]!
    const older = entries[e + OLDER]!
    const newer = entries[e + NEWER]!
    if (older === NONE) this.oldest[backend] = newer
    else entries[older + NEWER] = newer
    if (newer === NONE) this.newest[backend] = older
    else entries[newer + OLDER] = older
  }

  private take(): number {
    const e = this.unused
    if (e !== NONE) {
      this.unused = this.entries[e + NEXT_OF_NODE]!
      return e
    }
    const fresh = this.count++
    if (fresh === this.usedMs.length) {
      this.entries = grown(this.entries, new Int32Array(this.entries.length * 2))
      this.usedMs = grown(this.usedMs, new Float64Array(fresh * 2))
    }
    return fresh * FIELDS
  }

  private reserve(run: number, backend: number): void {
    if (run >= this.heads.length) {
      this.heads = grown(this.heads, new Int32Array(Math.max(256, 2 * (run + 1))).fill(NONE))
    }
    if (backend >= this.oldest.length) this.reserveOwners(Math.max(16, 2 * (backend + 1)))
  }

  /** Makes room for a fleet, so that {@link tokens} has an entry for each, and rows are not wider than it. */
  reserveOwners(size: number): void {
    if (size <= this.oldest.length) return
    this.oldest = grown(this.oldest, new Int32Array(size).fill(NONE))
    this.newest = grown(this.newest, new Int32Array(size).fill(NONE))
    this.tokens = grown(this.tokens, new Float64Array(size))
    this.found = new Int32Array(size)
    this.rows.widen(size)
  }
}
