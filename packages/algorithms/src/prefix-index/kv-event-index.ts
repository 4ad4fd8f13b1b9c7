import { RouteSimError } from '@routesim/core'
import type { AlgorithmsErrorCode } from '../algorithms-error-code.js'

/** A block as an engine announces it. */
export interface StoredBlock {
  /** The engine's own hash, which names the block in later events of the same backend. */
  readonly hash: number
  /** Hash of the block's own tokens, by which prompts are matched. */
  readonly localHash: number
}

/** What became of an event. */
export type KvEventOutcome = 'applied' | 'unknown_parent' | 'self_reference' | 'unknown_block'

interface Node {
  readonly localHash: number
  readonly parent: Node | undefined
  readonly children: Map<number, Node>
  /** Backends that hold it, and under how many hashes of theirs. */
  readonly owners: Map<number, number>
}

/**
 * Which blocks each backend says it holds, as a radix tree kept by KV events. A backend's match is its
 * contiguous run from the prompt's start.
 *
 * `store` and `remove` are O(blocks), `clear` O(blocks of the backend), `match` O(blocks of the prompt x
 * backends that match).
 *
 * Source: ai-dynamo/dynamo, lib/kv-router/src/radix_tree.rs: an event whose parent is unknown to that
 * backend is refused whole; blocks are removed one by one, and an unknown one does not stop the rest.
 */
export class KvEventIndex {
  private readonly root: Node = node(0, undefined)
  /** Per backend: its nodes by the engine's hash. */
  private readonly blocks = new Map<number, Map<number, Node>>()
  private readonly counts = new Map<KvEventOutcome, number>()

  /** Blocks held, counted once per backend. */
  get size(): number {
    let size = 0
    for (const blocks of this.blocks.values()) size += blocks.size
    return size
  }

  /** Nodes of the tree: distinct blocks that can be matched. O(nodes) */
  get nodes(): number {
    let count = 0
    const open = [this.root]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      count += at.children.size
      for (const child of at.children.values()) open.push(child)
    }
    return count
  }

  /** Events, or blocks of a removal, that came to an outcome. */
  countOf(outcome: KvEventOutcome): number {
    return this.counts.get(outcome) ?? 0
  }

  /**
   * A backend holds blocks that follow each other.
   * @param parentHash - the engine's hash of the block before them, undefined at a prompt's start
   */
  store(
    backend: number,
    parentHash: number | undefined,
    blocks: readonly StoredBlock[],
  ): KvEventOutcome {
    let own = this.blocks.get(backend)
    if (own === undefined) {
      own = new Map()
      this.blocks.set(backend, own)
    }
    const parent = parentHash === undefined ? this.root : own.get(parentHash)
    if (parent === undefined) return this.count('unknown_parent')
    let at: Node = parent
    let before = parentHash
    for (const { hash, localHash } of blocks) {
      if (hash === before) return this.count('self_reference')
      before = hash
      let child: Node | undefined = at.children.get(localHash)
      if (child === undefined) {
        child = node(localHash, at)
        at.children.set(localHash, child)
      }
      const replaced = own.get(hash)
      if (replaced !== child) {
        if (replaced !== undefined) this.disown(replaced, backend)
        child.owners.set(backend, (child.owners.get(backend) ?? 0) + 1)
        own.set(hash, child)
      }
      at = child
    }
    return this.count('applied')
  }

  /** A backend no longer holds blocks. @returns `unknown_block` when it did not hold all of them */
  remove(backend: number, hashes: readonly number[]): KvEventOutcome {
    const own = this.blocks.get(backend)
    let outcome: KvEventOutcome = 'applied'
    for (const hash of hashes) {
      const found = own?.get(hash)
      if (found === undefined) {
        outcome = this.count('unknown_block')
        continue
      }
      own?.delete(hash)
      this.disown(found, backend)
    }
    return outcome === 'applied' ? this.count(outcome) : outcome
  }

  /** A backend holds nothing any more. */
  clear(backend: number): void {
    for (const found of this.blocks.get(backend)?.values() ?? []) this.disown(found, backend)
    this.blocks.delete(backend)
    this.count('applied')
  }

  /**
   * Leading blocks of a prompt that each backend holds, by id.
   * @param localHashes - of the prompt's blocks in order
   * @param isEarlyExit - stop when one backend is left; its count is then a lower bound
   */
  match(localHashes: ArrayLike<number>, out: Float64Array, isEarlyExit = false): void {
    out.fill(0)
    let at: Node | undefined = this.root
    for (let i = 0; i < localHashes.length; i++) {
      at = at.children.get(localHashes[i]!)
      if (at === undefined) return
      let matching = 0
      for (const owner of at.owners.keys()) {
        if (owner >= out.length) {
          throw new RouteSimError<AlgorithmsErrorCode>(
            `KV index: expected room for backend ${owner}, got ${out.length} entries`,
            { code: 'index_invalid' },
          )
        }
        if (out[owner] !== i) continue
        out[owner] = i + 1
        matching++
      }
      if (matching === 0 || (isEarlyExit && matching === 1)) return
    }
  }

  /**
   * What the blocks of a backend come to, each with all before it, by the engine's hash. O(blocks up to the root)
   * @param next - of a block, given what all before it come to
   */
  fold<T>(backend: number, start: T, next: (before: T, localHash: number) => T): Map<number, T> {
    const values = new Map<Node, T>([[this.root, start]])
    const held = new Map<number, T>()
    for (const [hash, found] of this.blocks.get(backend) ?? []) {
      const open: Node[] = []
      for (let at = found; !values.has(at); at = at.parent!) open.push(at)
      for (let at = open.pop(); at !== undefined; at = open.pop())
        values.set(at, next(values.get(at.parent!)!, at.localHash))
      held.set(hash, values.get(found)!)
    }
    return held
  }

  private disown(found: Node, backend: number): void {
    const hashes = found.owners.get(backend)!
    if (hashes > 1) found.owners.set(backend, hashes - 1)
    else found.owners.delete(backend)
    if (found.owners.size > 0) return
    // What is below a node that nobody holds can not be reached, and does not come back with it.
    found.children.clear()
    const siblings = found.parent?.children
    if (siblings?.get(found.localHash) === found) siblings.delete(found.localHash)
  }

  private count(outcome: KvEventOutcome): KvEventOutcome {
    this.counts.set(outcome, this.countOf(outcome) + 1)
    return outcome
  }
}

function node(localHash: number, parent: Node | undefined): Node {
  return { localHash, parent, children: new Map(), owners: new Map() }
}

/**
 * The hashes that stand for a prompt's blocks and all before them, from those of the blocks alone: s0 = l0,
 * si = h(si-1, li). Hashes are 52 bits wide. O(blocks).
 *
 * Source: the chaining rule of ai-dynamo/dynamo, lib/kv-router/src/protocols.rs, with another mixer.
 */
export function chainHashes(localHashes: ArrayLike<number>): Float64Array {
  const chained = new Float64Array(localHashes.length)
  for (let i = 0; i < chained.length; i++) {
    const local = localHashes[i]!
    chained[i] = i === 0 ? local : chain(chained[i - 1]!, local)
  }
  return chained
}

function chain(before: number, local: number): number {
  const low = mix(before, local, 0x9e3779b1)
  const high = mix(before, local, 0x85ebca6b) & 0xfffff
  return high * 4294967296 + low
}

/** 32 bits of both operands, each wider than that. */
function mix(a: number, b: number, seed: number): number {
  let h = seed
  for (const word of [a % 4294967296, a / 4294967296, b % 4294967296, b / 4294967296]) {
    h = Math.imul(h ^ (word >>> 0), 0xcc9e2d51)
    h = Math.imul((h << 15) | (h >>> 17), 0x1b873593)
    h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
