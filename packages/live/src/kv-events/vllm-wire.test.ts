import { encode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import type { KvEventBatch } from './kv-event.js'
import { decodeKvEvents, decodeSequence, encodeKvEvents, encodeSequence } from './vllm-wire.js'

const stored = {
  kind: 'stored',
  hashes: [2 ** 51 + 1, 7],
  parent: undefined,
  tokens: [1, 2, 3, 4],
  blockTokens: 2,
  medium: 'GPU',
  adapter: undefined,
  cacheSalt: undefined,
} as const

test('what is written is read again', () => {
  const batch: KvEventBatch = {
    timestampSec: 1.5,
    rank: 1,
    events: [
      stored,
      { ...stored, parent: 7, adapter: 'sql' },
      { ...stored, cacheSalt: 'own' },
      { ...stored, adapter: 'sql', cacheSalt: 'sql' },
      { kind: 'removed', hashes: [7], medium: 'GPU' },
      { kind: 'cleared' },
    ],
  }
  expect(decodeKvEvents(encodeKvEvents(batch))).toEqual({ ...batch, unreadable: 0 })
  expect([0, 5, 2 ** 40, -1].map((n) => decodeSequence(encodeSequence(n)))).toEqual([
    0,
    5,
    2 ** 40,
    -1,
  ])
})

test('hashes of 64 bits and of bytes are reduced, and maps are read as arrays are', () => {
  const event = {
    type: 'BlockStored',
    block_hashes: [2n ** 60n + 5n, new Uint8Array([0, 0, 0, 0, 1, 2, 9, 9])],
    parent_block_hash: -1n,
    token_ids: [9, 9],
    block_size: 1,
  }
  const bytes = encode([2, [event, ['Unknown', 1], 'x', null]], { useBigInt64: true })
  expect(decodeKvEvents(bytes)).toEqual({
    timestampSec: 2,
    rank: 0,
    unreadable: 3,
    events: [
      {
        kind: 'stored',
        hashes: [5, 258],
        parent: 2 ** 52 - 1,
        tokens: [9, 9],
        blockTokens: 1,
        medium: undefined,
        adapter: undefined,
        cacheSalt: undefined,
      },
    ],
  })
})

test('the salt of a first block is found among its extra keys, beside adapter, image and embeddings', () => {
  const image = ['an image', 3]
  const saltOf = (keys: unknown, adapter: string | null = null): unknown => {
    const event = ['BlockStored', [1], null, [1], 1, null, 'GPU', adapter, keys]
    return decodeKvEvents(encode([1, [event]]))?.events.map(
      (each) => 'cacheSalt' in each && each.cacheSalt,
    )
  }
  expect(saltOf([[image, 'own', new Uint8Array(2)]])).toEqual(['own'])
  expect(saltOf([['sql', 'own']], 'sql')).toEqual(['own'])
  expect(saltOf([['sql', image]], 'sql')).toEqual([undefined])
  for (const keys of [null, [], [null], 'x']) expect(saltOf(keys)).toEqual([undefined])
})

test('a batch may be a map too, as its events', () => {
  const removed = { type: 'BlockRemoved', block_hashes: [7], medium: '' }
  const batch = { timestampSec: 1.5, rank: 3, unreadable: 0 }
  expect(decodeKvEvents(encode({ ts: 1.5, events: [removed], data_parallel_rank: 3 }))).toEqual({
    ...batch,
    events: [{ kind: 'removed', hashes: [7] }],
  })
  expect(decodeKvEvents(encode({ ts: 1.5, events: [] }))).toEqual({ ...batch, rank: 0, events: [] })
})

test('the salt of SGLang is read where it stands, and told at the start of a prompt', () => {
  const map = { type: 'BlockStored', block_hashes: [5], token_ids: [1], block_size: 1 }
  const array = ['BlockStored', [5], null, [1], 1, null, 'GPU']
  const metadata = { cache_salt: 'own' }
  const keysOf = (event: unknown): unknown =>
    decodeKvEvents(encode([1, [event]]))?.events.map(
      (each) => each.kind === 'stored' && [each.cacheSalt, each.adapter],
    )
  expect(keysOf({ ...map, ...metadata })).toEqual([['own', undefined]])
  expect(keysOf({ ...map, lora_name: 'sql', metadata })).toEqual([['own', 'sql']])
  expect(keysOf([...array, metadata])).toEqual([['own', undefined]])
  const named = [...array, null, [['other:own']], null, null, null, null, null, metadata]
  expect(keysOf(named)).toEqual([['own', undefined]])
  expect(keysOf([...array, { cache_salt: null }])).toEqual([[undefined, undefined]])
  expect(keysOf({ ...map, parent_block_hash: 4, ...metadata })).toEqual([[undefined, undefined]])
})

test('cache groups are read by name and by place, behind images of blocks too', () => {
  const array = ['BlockStored', [5], null, [1], 1, null, 'GPU', null, [null]]
  const map = { type: 'BlockStored', block_hashes: [5], token_ids: [1], block_size: 1 }
  const groups = [
    [...array, 1, 'sliding_window', 4],
    [...array, null, 1, 'sliding_window', 4],
    [...array, [null], 1, 'sliding_window', 4],
    [...array, null, null, null, 'LOCAL', null],
    { ...map, group_idx: 1, kv_cache_spec_kind: 'mamba' },
    { ...map, component_type: 'swa' },
    ['BlockRemoved', [5], 'GPU', 1],
    ['BlockRemoved', [5], 'GPU', 1, 'sliding_window', 4],
    ['BlockRemoved', [5], 'GPU'],
  ]
  const read = decodeKvEvents(encode([1, groups]))?.events.map(
    (each) => each.kind !== 'cleared' && [each.group, each.groupKind],
  )
  const window = [1, 'sliding_window']
  const rest = [[undefined, undefined], [1, 'mamba'], [undefined, 'swa'], [1, undefined], window]
  expect(read).toEqual([window, window, window, ...rest, [undefined, undefined]])
})

test('of pairs of tokens the first ones are taken, and events whose tokens are none are counted', () => {
  const event = { type: 'BlockStored', block_hashes: [5], block_size: 2 }
  const told = [
    [
      [1, 2],
      [2, 3],
    ],
    [1, 2n ** 40n],
    [[1, 2, 3], 4],
    [1, 'x'],
    [null, 1],
    'x',
  ]
  const events = told.map((token_ids) => ({ ...event, token_ids }))
  const batch = decodeKvEvents(encode([1, events], { useBigInt64: true }))
  expect(batch?.unreadable).toBe(4)
  expect(batch?.events.map((each) => each.kind === 'stored' && each.tokens)).toEqual([
    [1, 2],
    [1, 2 ** 40],
  ])
})

test.each([
  ['no msgpack', new Uint8Array([0xc1])],
  ['no batch', encode({ a: 1 })],
  ['no events', encode([1, 2])],
  ['nothing', new Uint8Array()],
])('%s is no batch', (_, bytes) => {
  expect(decodeKvEvents(bytes)).toBeUndefined()
})
