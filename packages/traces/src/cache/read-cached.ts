import { createHash } from 'node:crypto'
import { cachePath, loadCache, storeCache } from './cache-file.js'
import type { CachedRead } from './cache-layout.js'

/** A trace file to be read through its cache. */
export interface CachedSource {
  readonly path: string
  /** The options that shape the result, as JSON. */
  readonly options: string
  /** The bytes of the file as they are on disk. */
  readonly rawBytes: () => AsyncIterable<Uint8Array>
  /** Reads the trace itself, and shows `onRawBytes` the bytes of the file on the way. */
  readonly read: (onRawBytes: (bytes: Uint8Array) => void) => Promise<CachedRead>
}

/**
 * What the cache file beside a trace says, as long as it was made from the same bytes with the same
 * options; else what the trace says, which is written to the cache file.
 * @returns the read, and what a user should know about the cache
 */
export async function readCached(
  source: CachedSource,
): Promise<{ read: CachedRead; notes: string[] }> {
  const { path, options } = source
  const file = cachePath(path)
  const notes: string[] = []
  const cached = await loadCache(file)
  if (cached === 'damaged') notes.push(`${file}: damaged, made anew`)
  else if (cached !== 'missing') {
    if (cached.key.options === options && cached.key.sha256 === (await hashOf(source))) {
      return { read: named(cached.read, path), notes }
    }
    notes.push(`${file}: of another trace or other options, made anew`)
  }
  const hash = createHash('sha256')
  const read = await source.read((bytes) => hash.update(bytes))
  try {
    await storeCache(file, { sha256: hash.digest('hex'), options }, nameless(read, path))
  } catch (error) {
    notes.push(`${file}: not written: ${(error as Error).message}`)
  }
  return { read, notes }
}

async function hashOf({ rawBytes }: CachedSource): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of rawBytes()) hash.update(bytes)
  return hash.digest('hex')
}

/** Messages begin with the name that the trace was read under, which may be another next time. */
function nameless(read: CachedRead, name: string): CachedRead {
  return withMessages(read, (message) => message.slice(name.length))
}

function named(read: CachedRead, name: string): CachedRead {
  return withMessages(read, (message) => name + message)
}

function withMessages(read: CachedRead, change: (message: string) => string): CachedRead {
  const { count, messages } = read.skipped
  const skipped = { count, messages: messages.map(change) }
  return { ...read, skipped, notes: read.notes.map(change) }
}
