import { decode, encode } from '@msgpack/msgpack'
import type { KvEvent, KvEventBatch } from './kv-event.js'
import { readKvEvent } from './read-kv-event.js'

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
 * Reads a batch: an array, or a map by the names of its fields, as newer versions of vLLM write it (msgspec without
 * `array_like`; distributed/kv_events.py @0181ea31). What of it is no event of a known kind is left out and counted.
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
  const [timestamp, told, rank] = Array.isArray(value) ? value : fieldsOf(value)
  if (!Array.isArray(told)) return undefined
  const events = told.flatMap((event) => readKvEvent(event) ?? [])
  return {
    timestampSec: Number(timestamp),
    events,
    unreadable: told.length - events.length,
    rank: rank === undefined || rank === null ? 0 : Number(rank),
  }
}

function fieldsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  const { ts, events, data_parallel_rank: rank } = value as Readonly<Record<string, unknown>>
  return [ts, events, rank]
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
