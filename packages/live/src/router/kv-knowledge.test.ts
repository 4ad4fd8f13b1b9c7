import { encode } from '@msgpack/msgpack'
import { expect, test } from 'vitest'
import { decodeKvEvents } from '../kv-events/vllm-wire.js'
import type { ExtraKeys } from '../tokens/block-hashes.js'
import { BlockInterner } from '../tokens/block-interner.js'
import { EventKnowledge } from './kv-knowledge.js'
import { LiveRequest, promptHashes } from './live-request.js'

const BLOCK = 4
const TOKENS = Uint32Array.from({ length: 13 }, (_, i) => i + 1)

/** What a router with one worker knows of it. */
class Heard {
  /** What an algorithm hears: where the blocks end. */
  readonly news: [string, ...number[]][] = []
  isWanted = true
  /** Workers and the sizes of their blocks that are not the router's. */
  readonly foreign: [number, number][] = []
  readonly knowledge = new EventKnowledge(
    BLOCK,
    () =>
      this.isWanted
        ? {
            stored: (_, blocks) => this.news.push(['stored', ...blocks.map((b) => b.endTokens)]),
            removed: (_, blocks) => this.news.push(['removed', ...blocks.map((b) => b.endTokens)]),
            cleared: () => this.news.push(['cleared']),
          }
        : undefined,
    (worker, blockTokens) => this.foreign.push([worker, blockTokens]),
  )

  /** The worker publishes. */
  tell(...events: readonly unknown[]): void {
    this.tellOf(0, ...events)
  }

  /** A rank of it does. */
  tellOf(rank: number, ...events: readonly unknown[]): void {
    this.knowledge.apply(0, decodeKvEvents(encode([1, events, rank]))!)
  }

  /** Tokens of a prompt that it is taken to hold. */
  matched(keys: ExtraKeys = {}, tokens: Uint32Array = TOKENS): number {
    const none = { session: undefined, user: undefined, tenant: undefined }
    const facts = { ...none, id: 0, arrivalMs: 0, promptTokens: tokens.length, maxTokens: 1 }
    const request = new LiveRequest(
      { ...facts, model: undefined, adapter: undefined, priority: 0, isStreamed: true },
      promptHashes(tokens, BLOCK, keys),
      BLOCK,
      new BlockInterner(100),
    )
    const out = new Float64Array(1)
    this.knowledge.match(request, 0, out)
    return out[0]!
  }
}

/** Blocks from a prompt's start, as SGLang tells of them. */
function stored(blocks: number, more: object = {}): object {
  const block_hashes = Array.from({ length: blocks }, (_, i) => i + 1)
  const token_ids = [...TOKENS.slice(0, blocks * BLOCK)]
  return { type: 'BlockStored', block_hashes, token_ids, block_size: BLOCK, ...more }
}

test('blocks under a salt of SGLang match the requests with it and no others', () => {
  const heard = new Heard()
  const cache_salt = 'tenant-a'
  heard.tell(stored(2, { cache_salt }))
  const next = { block_hashes: [3], parent_block_hash: 2, token_ids: [9, 10, 11, 12] }
  heard.tell({ type: 'BlockStored', block_size: BLOCK, cache_salt, ...next })
  expect(heard.matched({ cacheSalt: 'tenant-a' })).toBe(12)
  expect(heard.matched()).toBe(0)
  expect(heard.matched({ cacheSalt: 'tenant-b' })).toBe(0)
})

test('a window that moves on does not take away what full attention holds', () => {
  const heard = new Heard()
  const full = { group_idx: 0, kv_cache_spec_kind: 'full_attention' }
  const window = { group_idx: 1, kv_cache_spec_kind: 'sliding_window' }
  heard.tell(stored(3, full), stored(3, window))
  expect(heard.matched()).toBe(12)
  heard.tell({ type: 'BlockRemoved', block_hashes: [1, 2], medium: 'GPU', group_idx: 1 })
  expect(heard.matched()).toBe(12)
  expect(heard.knowledge.otherGroupBlocks).toBe(5)
  expect(heard.knowledge.countOf('unknown_block')).toBe(0)
  heard.tell({ type: 'BlockRemoved', block_hashes: [2], medium: 'GPU', group_idx: 0 })
  expect(heard.matched()).toBe(4)
})

test('full attention may be any group, is called otherwise by SGLang, and is the first where nobody says', () => {
  const matchedAfter = (...events: readonly object[]): number => {
    const heard = new Heard()
    heard.tell(...events)
    return heard.matched()
  }
  const mla = { group_idx: 2, kv_cache_spec_kind: 'mla_attention' }
  expect(matchedAfter(stored(3, mla))).toBe(12)
  expect(
    matchedAfter(stored(3, mla), { type: 'BlockRemoved', block_hashes: [3], group_idx: 2 }),
  ).toBe(8)
  expect(matchedAfter(stored(3, { component_type: 'full' }))).toBe(12)
  expect(matchedAfter(stored(3, { component_type: 'swa' }))).toBe(0)
  expect(matchedAfter(stored(3, { group_idx: 0 }))).toBe(12)
  expect(matchedAfter(stored(3, { group_idx: 1 }))).toBe(0)
})

test('a worker that starts over may have other groups', () => {
  const heard = new Heard()
  heard.tell(stored(3, { group_idx: 0, kv_cache_spec_kind: 'mamba' }))
  heard.knowledge.forget(0)
  heard.tell(stored(3, { group_idx: 0 }))
  expect(heard.matched()).toBe(12)
})

test('blocks of pairs of tokens match by the first ones', () => {
  const heard = new Heard()
  const pairs = [...TOKENS.slice(0, 8)].map((token) => [token, token + 1])
  heard.tell(stored(2, { token_ids: pairs }))
  expect(heard.matched()).toBe(8)
  expect(heard.matched({}, new Uint32Array(5))).toBe(0)
})

test('what can not be read is counted, and so are blocks whose tokens are not told', () => {
  const heard = new Heard()
  heard.tell(['Unknown', 1], stored(1, { token_ids: ['x', 1, 2, 3] }))
  expect(heard.knowledge.unreadable).toBe(2)
  heard.tell(stored(3, { token_ids: [1, 2, 3, 4] }))
  expect(heard.knowledge.unreadable).toBe(3)
  expect(heard.matched()).toBe(0)
})

test('what one rank drops and another holds is held, for the algorithm too', () => {
  const heard = new Heard()
  heard.tellOf(0, stored(3))
  heard.tellOf(1, stored(3), { type: 'BlockRemoved', block_hashes: [2, 3] })
  heard.tellOf(1, { type: 'AllBlocksCleared' })
  expect(heard.matched()).toBe(12)
  expect(heard.news).toEqual([['stored', 4, 8, 12]])
  heard.tellOf(1, stored(1))
  heard.tellOf(0, { type: 'BlockRemoved', block_hashes: [3] }, { type: 'AllBlocksCleared' })
  heard.tellOf(1, { type: 'AllBlocksCleared' })
  expect(heard.news.slice(1)).toEqual([['removed', 12], ['removed', 8], ['cleared']])
})

test('who wants to hear of blocks later hears of all that are there, and of what goes on with them', () => {
  const heard = new Heard()
  heard.isWanted = false
  heard.tell(stored(3), { type: 'BlockRemoved', block_hashes: [2, 3] })
  heard.isWanted = true
  const next = { block_hashes: [9], parent_block_hash: 1, token_ids: [5, 6, 7, 8] }
  heard.tell({ type: 'BlockStored', block_size: BLOCK, ...next })
  expect(heard.news).toEqual([['stored', 8]])
  heard.knowledge.tellAll([0, 1])
  expect(heard.news.slice(1)).toEqual([['stored', 4, 8]])
})

test('who listens again hears of what is there by then, whatever was told while nobody did', () => {
  const heard = new Heard()
  heard.tellOf(0, stored(3))
  heard.isWanted = false
  heard.tellOf(1, stored(2))
  heard.tellOf(0, { type: 'BlockRemoved', block_hashes: [3] })
  heard.isWanted = true
  heard.knowledge.tellAll([0])
  heard.tellOf(0, { type: 'AllBlocksCleared' })
  heard.tellOf(1, { type: 'BlockRemoved', block_hashes: [2] })
  expect(heard.news).toEqual([
    ['stored', 4, 8, 12],
    ['stored', 4, 8],
    ['removed', 8],
  ])
})

test('a block that stands there under two hashes, the older of them below one that is gone, is there once', () => {
  const heard = new Heard()
  heard.isWanted = false
  heard.tell(stored(2), { type: 'BlockRemoved', block_hashes: [1] })
  heard.tell(stored(2, { block_hashes: [11, 12] }))
  heard.isWanted = true
  heard.knowledge.tellAll([0])
  heard.tell({ type: 'BlockRemoved', block_hashes: [2] })
  expect(heard.news).toEqual([['stored', 4, 8]])
  heard.tell({ type: 'BlockRemoved', block_hashes: [12] })
  expect(heard.news.slice(1)).toEqual([['removed', 8]])
})

test('a hash that stands for other tokens now stands no longer for those before', () => {
  const heard = new Heard()
  heard.tell(stored(2))
  heard.tell(stored(1, { block_hashes: [2] }))
  expect(heard.news).toEqual([
    ['stored', 4, 8],
    ['removed', 8],
  ])
  heard.tell({ type: 'BlockRemoved', block_hashes: [1] })
  expect(heard.matched()).toBe(4)
  expect(heard.news).toHaveLength(2)
})

test('blocks of another size are counted, and told once', () => {
  const heard = new Heard()
  heard.tell(stored(2, { block_size: 2 }), stored(2, { block_size: 2 }))
  expect([heard.matched(), heard.knowledge.foreignBlocks]).toEqual([0, 4])
  expect(heard.foreign).toEqual([[0, 2]])
})
