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
  expect(decodeKvEvents(encodeKvEvents(batch))).toEqual(batch)
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

test.each([
  ['no msgpack', new Uint8Array([0xc1])],
  ['no batch', encode({ a: 1 })],
  ['no events', encode([1, 2])],
  ['nothing', new Uint8Array()],
])('%s is no batch', (_, bytes) => {
  expect(decodeKvEvents(bytes)).toBeUndefined()
})
