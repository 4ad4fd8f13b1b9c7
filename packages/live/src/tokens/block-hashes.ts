/** Hashes of the whole blocks of a sequence of tokens, 52 bits each. */
export interface BlockHashes {
  /** Of each block's own tokens. */
  readonly local: Float64Array
  /** Of each block and all before it: equal hashes mean equal content from the start on. */
  readonly chained: Float64Array
}

/**
 * What keeps the KV of equal tokens apart. Source: vLLM, `generate_block_hash_extra_keys` of
 * v1/core/kv_cache_utils.py: the adapter is part of every block, the salt of the first, on which all others build.
 */
export interface ExtraKeys {
  /** Name of the LoRA adapter, or of another model of the same worker. */
  readonly adapter?: string | undefined
  /** What a client says (`cache_salt`) to share with those alone who say the same. */
  readonly cacheSalt?: string | undefined
}

/**
 * Hashes whole blocks; a rest of less than a block has no hash. O(tokens).
 *
 * @param keys - what must not be shared with others; a salt only where the tokens are the start of a prompt
 */
export function hashBlocks(
  tokens: ArrayLike<number>,
  blockTokens: number,
  keys: ExtraKeys = {},
): BlockHashes {
  const { adapter, cacheSalt } = keys
  const blocks = Math.floor(tokens.length / blockTokens)
  const everySalt = saltOf(adapter)
  // No adapter is called so: one with the name of a salt is something else.
  const firstSalt = everySalt ^ saltOf(cacheSalt && `\0${cacheSalt}`)
  const local = new Float64Array(blocks)
  const chained = new Float64Array(blocks)
  let before = 0
  for (let block = 0; block < blocks; block++) {
    const salt = block === 0 ? firstSalt : everySalt
    let a = 0x9e3779b1 ^ salt
    let b = 0x85ebca6b ^ salt
    for (let i = block * blockTokens; i < (block + 1) * blockTokens; i++) {
      const token = tokens[i]!
      a = Math.imul(a ^ token, 0xcc9e2d51)
      a = (a << 15) | (a >>> 17)
      b = Math.imul(b ^ token, 0x1b873593)
      b = (b << 13) | (b >>> 19)
    }
    a = finish(a)
    b = finish(b ^ a)
    local[block] = wide(a, b)
    before = chainHash(before, local[block]!)
    chained[block] = before
  }
  return { local, chained }
}

/** The hash of a block and all before it, from that of all before it (0 for nothing) and the block's own. */
export function chainHash(before: number, local: number): number {
  const low = finish(Math.imul(before, 0x5bd1e995) ^ local)
  const high = finish(
    Math.imul(before / 4294967296, 0x27d4eb2f) ^ Math.trunc(local / 4294967296) ^ low,
  )
  return wide(low, high)
}

/** A 32-bit salt from a name, 0 for none. */
function saltOf(name: string | undefined): number {
  if (name === undefined || name === '') return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return finish(hash) | 1
}

/** The last step of MurmurHash3: every bit of the input moves every bit of the output. */
function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function wide(low: number, high: number): number {
  return (high & 0xfffff) * 4294967296 + (low >>> 0)
}
