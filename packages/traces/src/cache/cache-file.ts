import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { endianness } from 'node:os'
import {
  type CachedRead,
  type CacheHead,
  type CacheKey,
  cacheLengths,
  decodeCache,
  encodeCache,
  isIntact,
  PREAMBLE_BYTES,
} from './cache-layout.js'

/** What a cache file holds, or why it can not be used. */
export type CacheContent =
  | { readonly key: CacheKey; readonly read: CachedRead }
  | 'missing'
  | 'damaged'

/** Bytes that one call to the operating system moves for sure. */
const MOST_AT_ONCE = 2 ** 30

/** The cache file of a trace file. */
export function cachePath(tracePath: string): string {
  return `${tracePath}.routesim-cache`
}

/** Reads a cache file; never throws. */
export async function loadCache(path: string): Promise<CacheContent> {
  if (endianness() !== 'LE') return 'missing'
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'damaged'
  }
  try {
    return (await contentOf(file)) ?? 'damaged'
  } catch {
    return 'damaged'
  } finally {
    await file.close()
  }
}

/**
 * Writes a cache file, whole or not at all: readers and other writers see the old one or the new one.
 * @throws what the file system throws
 */
export async function storeCache(path: string, key: CacheKey, read: CachedRead): Promise<void> {
  if (endianness() !== 'LE') return
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(draft, 'wx')
    try {
      await writeAll(file, encodeCache(key, read))
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

/** Writes all parts: one call may write less, as when they are beyond 2 GiB or a disk is nearly full. */
async function writeAll(file: FileHandle, parts: readonly Uint8Array[]): Promise<void> {
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const { bytesWritten } = await file.write(part, at, Math.min(part.length - at, MOST_AT_ONCE))
      at += bytesWritten
    }
  }
}

async function contentOf(file: FileHandle): Promise<CacheContent | undefined> {
  const start = Buffer.alloc(PREAMBLE_BYTES)
  await fill(file, start)
  const lengths = cacheLengths(start)
  const { size } = await file.stat()
  if (lengths === undefined || PREAMBLE_BYTES + lengths.head + lengths.body !== size) {
    return undefined
  }
  const json = Buffer.alloc(lengths.head)
  await fill(file, json)
  const body = new SharedArrayBuffer(lengths.body)
  await fill(file, new Uint8Array(body))
  if (!isIntact(start, json, new Uint8Array(body))) return undefined
  const head = JSON.parse(json.toString()) as CacheHead
  return { key: head.key, read: decodeCache(head, body) }
}

/** Reads the next bytes of a file, as many as there is room for if it has them. */
async function fill(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at)
    if (bytesRead === 0) return
    at += bytesRead
  }
}
