import { createHash, type Hash } from 'node:crypto'

/** What stands for a picture, a recording, a video or a file: equal where its bytes, or its address, are equal. */
export type MediaDigest = Uint32Array

/**
 * Identifies a part of a message by what it says: its `uuid` where the client gives one, by which vLLM knows it again
 * too, else its data or address.
 */
export function mediaDigest(part: unknown): MediaDigest {
  const hash = createHash('sha256')
  const uuid = (part as { readonly uuid?: unknown } | null)?.uuid
  feed(hash, typeof uuid === 'string' ? uuid : part)
  const { buffer, byteOffset, length } = hash.digest()
  return new Uint32Array(buffer.slice(byteOffset, byteOffset + length))
}

/** Value by value, as to write them out once more would copy a picture. */
function feed(hash: Hash, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    hash.update(String(value)).update('\0')
    return
  }
  for (const [name, member] of Object.entries(value)) {
    hash.update(name).update('\0')
    feed(hash, member)
  }
}
