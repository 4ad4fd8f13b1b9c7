import type { KvEvent } from './kv-event.js'

/** The fields of `BlockStored` in the order of vLLM's arrays; then come those of its cache group. */
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

type Fields = Readonly<Record<string, unknown>>

/**
 * Reads an event that msgpack made an array of, in the order of vLLM's fields, or a map by their names.
 *
 * Source: vLLM, distributed/kv_events.py @0181ea31; sgl-project/sglang, srt/disaggregation/kv_events.py and
 * srt/mem_cache/events.py; ai-dynamo/dynamo, lib/kv-router/src/zmq_wire @17b173e9, which reads both.
 *
 * @returns undefined when it is none, or of an unknown kind
 */
export function readKvEvent(event: unknown): KvEvent | undefined {
  const fields = Array.isArray(event) ? namedFields(event) : isMap(event) ? event : {}
  const hashes = listOf(fields['block_hashes'])?.map(reducedHash)
  if (fields['type'] === 'AllBlocksCleared') return { kind: 'cleared' }
  if (hashes === undefined || !hashes.every(Number.isFinite)) return undefined
  const where = {
    medium: textOf(fields['medium']),
    group: typeof fields['group_idx'] === 'number' ? fields['group_idx'] : undefined,
    groupKind: textOf(fields['kv_cache_spec_kind']) ?? textOf(fields['component_type']),
  }
  if (fields['type'] === 'BlockRemoved') return { kind: 'removed', hashes, ...where }
  if (fields['type'] !== 'BlockStored') return undefined
  const tokens = listOf(fields['token_ids'])?.map(tokenId)
  const blockTokens = Number(fields['block_size'])
  if (tokens === undefined || !tokens.every(Number.isFinite) || !(blockTokens >= 1))
    return undefined
  const { parent_block_hash: before, lora_id: loraId } = fields
  const parent = before === undefined || before === null ? undefined : reducedHash(before)
  const adapter =
    textOf(fields['lora_name']) ??
    (loraId === undefined || loraId === null ? undefined : String(loraId))
  return {
    kind: 'stored',
    hashes,
    parent,
    tokens,
    blockTokens,
    ...where,
    adapter,
    cacheSalt:
      (parent === undefined ? saltOf(fields) : undefined) ??
      saltAmong(listOf(listOf(fields['extra_keys'])?.[0]) ?? [], adapter),
  }
}

function namedFields(event: readonly unknown[]): Fields {
  if (event[0] === 'BlockRemoved') {
    const [type, block_hashes, medium, group_idx, kv_cache_spec_kind] = event
    return { type, block_hashes, medium, group_idx, kv_cache_spec_kind }
  }
  return {
    ...Object.fromEntries(STORED.map((name, i) => [name, event[i]])),
    // Index, kind and window of the group; older versions have the images of each block before them.
    group_idx: event.slice(9, 11).find((field) => typeof field === 'number'),
    kv_cache_spec_kind: event.slice(9, 12).find((field) => typeof field === 'string'),
    metadata: event.slice(7).find((field) => isMap(field) && 'cache_salt' in field),
  }
}

/**
 * The salt as SGLang tells it: in `cache_salt`, or in the `metadata` that end an array. All blocks of a prompt tell it,
 * and in hashes here the first has it alone.
 */
function saltOf({ cache_salt, metadata }: Fields): string | undefined {
  return textOf(cache_salt) ?? (isMap(metadata) ? textOf(metadata['cache_salt']) : undefined)
}

/** The salt among the extra keys of a first block: name of the adapter, images, salt, embeddings. */
function saltAmong(keys: readonly unknown[], adapter: string | undefined): string | undefined {
  const others = keys[0] === adapter ? keys.slice(1) : keys
  return others.findLast((key) => typeof key === 'string')
}

/**
 * A token, or the first of a pair: with EAGLE, SGLang keys its cache by pairs of neighbours, (t0, t1), (t1, t2) and so
 * on. Its last block is found only where the token after it is the same too, which is not asked for here.
 */
function tokenId(told: unknown): number {
  const token = Array.isArray(told) && told.length === 2 ? told[0] : told
  return typeof token === 'number' || typeof token === 'bigint' ? Number(token) : Number.NaN
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

/** A text that says something. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
