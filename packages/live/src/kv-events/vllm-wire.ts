import { decode, encode } from '@msgpack/msgpack'
import type { KvEvent, KvEventBatch } from './kv-event.js'

/**
 * A batch as vLLM publishes it: msgpack `[timestamp, [events], rank]`, events as arrays that begin with
 * their name. Source: vLLM, distributed/kv_events.py, as described by ai-dynamo/dynamo,
 * lib/kv-router/src/zmq_wire/README.md.
 */
export function encodeKvEvents({ timestampSec, events, rank }: KvEventBatch): Uint8Array {
  return encode([timestampSec, events.map(toArray), rank])
}

function toArray(event: KvEvent): unknown[] {
  if (event.kind === 'stored') {
    const { hashes, parent, tokens, blockTokens, medium, adapter, cacheSalt } = event
    const name = ['BlockStored', hashes, parent ?? null, tokens, blockTokens, null, medium ?? null]
    if (cacheSalt === undefined) return adapter === undefined ? name : [...name, adapter]
    const every = adapter === undefined ? [] : [adapter]
    const extraKeys = hashes.map((_, i) => (i === 0 ? [...every, cacheSalt] : every))
    return [...name, adapter ?? null, extraKeys]
  }
  if (event.kind === 'removed') return ['BlockRemoved', event.hashes, event.medium ?? null]
  return ['AllBlocksCleared']
}

/**
 * Reads a batch, with events as arrays (vLLM) or maps (SGLang). Events of unknown kinds are left out.
 * @returns undefined when it is no such batch
 */
export function decodeKvEvents(bytes: Uint8Array): KvEventBatch | undefined {
  let value: unknown
  try {
    // Hashes have 64 bits; numbers would lose the lowest.
    value = decode(bytes, { useBigInt64: true })
  } catch {
    return undefined
  }
  if (!Array.isArray(value) || !Array.isArray(value[1])) return undefined
  const [timestamp, events, rank] = value as [unknown, unknown[], unknown]
  return {
    timestampSec: Number(timestamp),
    events: events.flatMap((event) => fromWire(event) ?? []),
    rank: rank === undefined || rank === null ? 0 : Number(rank),
  }
}

/** The fields of `BlockStored` in the order of vLLM's arrays. */
const STORED = [
  'type',
  'block_hashes',
  'parent_block_hash',
  'token_ids',
  'block_size',
  'lora_id',
  'medium',
  'lora_name',
  'extra_keys',
] as const

function fromWire(event: unknown): KvEvent | undefined {
  const fields = Array.isArray(event)
    ? event[0] === 'BlockRemoved'
      ? { type: event[0], block_hashes: event[1], medium: event[2] }
      : Object.fromEntries(STORED.map((name, i) => [name, event[i]]))
    : isMap(event)
      ? event
      : {}
  const medium = typeof fields['medium'] === 'string' ? fields['medium'] : undefined
  const hashes = listOf(fields['block_hashes'])?.map(reducedHash)
  if (fields['type'] === 'AllBlocksCleared') return { kind: 'cleared' }
  if (hashes === undefined || !hashes.every(Number.isFinite)) return undefined
  if (fields['type'] === 'BlockRemoved') return { kind: 'removed', hashes, medium }
  if (fields['type'] !== 'BlockStored') return undefined
  const tokens = listOf(fields['token_ids'])?.map(Number)
  const blockTokens = Number(fields['block_size'])
  if (tokens === undefined || !(blockTokens >= 1)) return undefined
  const parent = fields['parent_block_hash']
  const told = fields['lora_name'] ?? fields['lora_id']
  const adapter = told === undefined || told === null ? undefined : String(told)
  return {
    kind: 'stored',
    hashes,
    parent: parent === undefined || parent === null ? undefined : reducedHash(parent),
    tokens,
    blockTokens,
    medium,
    adapter,
    cacheSalt: saltAmong(listOf(listOf(fields['extra_keys'])?.[0]) ?? [], adapter),
  }
}

/** The salt among the extra keys of a first block: name of the adapter, images, salt, embeddings. */
function saltAmong(keys: readonly unknown[], adapter: string | undefined): string | undefined {
  const others = keys[0] === adapter ? keys.slice(1) : keys
  return others.findLast((key) => typeof key === 'string')
}

/** 52 bits of a hash that is a number of up to 64 bits, or bytes. */
function reducedHash(hash: unknown): number {
  if (typeof hash === 'number') return hash
  if (typeof hash === 'bigint') return Number(BigInt.asUintN(52, hash))
  if (!(hash instanceof Uint8Array)) return Number.NaN
  let value = 0
  for (let i = 0; i < Math.min(6, hash.length); i++) value = value * 256 + hash[i]!
  return value
}

function listOf(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? value : undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** Sequence number of the message that ends a replay. */
export const END_OF_REPLAY = -1

/** A sequence number as 8 bytes, the highest first. */
export function encodeSequence(sequence: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(sequence))
  return bytes
}

/** @returns undefined when it is none */
export function decodeSequence(bytes: Uint8Array): number | undefined {
  return bytes.length === 8
    ? Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigInt64BE())
    : undefined
}
