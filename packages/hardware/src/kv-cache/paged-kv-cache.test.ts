import { NO_NODE, RandomStream, type RequestTable, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { NaiveKvCache } from '../testing/naive-kv-cache.js'
import { pagedKvCache } from './paged-kv-cache.js'
import { RadixKvCache, radixKvCache } from './radix-kv-cache.js'

const BLOCK = 4

/** Two requests that share 10 of their 20 prompt tokens, and one that shares nothing. */
function threeRequests(): RequestTable {
  const builder = new RequestTableBuilder()
  const shared = builder.prompts.stream(NO_NODE, 'system prompt', 10)
  const request = { arrivalMs: 0, promptTokens: 20, outputTokens: 4 }
  builder.add({ ...request, promptNode: shared })
  builder.add({ ...request, promptNode: shared })
  builder.add(request)
  return builder.build()
}

test('blocks are reusable once computed, not before', () => {
  const kv = pagedKvCache()(threeRequests(), [{ blocks: 20, blockTokens: BLOCK }])
  expect(kv.admit(0, 0, 0, 20)).toBe(true)
  expect(kv.matchOn(0, 1, 20)).toBe(0)
  kv.commit(0, 0, 7)
  expect(kv.matchOn(0, 1, 20)).toBe(4)
  kv.commit(0, 0, 20)
  expect(kv.matchOn(0, 1, 20)).toBe(8) // 10 shared tokens are two whole blocks
  expect(kv.matchOn(0, 2, 20)).toBe(0)
})

test.each([
  ['paged', pagedKvCache()],
  ['radix', radixKvCache()],
])('the last prompt token is never a hit, even when all of it is cached: %s', (_, factory) => {
  const builder = new RequestTableBuilder()
  const promptNode = builder.prompts.stream(NO_NODE, 'all of it', 20)
  builder.add({ arrivalMs: 0, promptTokens: 20, outputTokens: 4, promptNode })
  const kv = factory(builder.build(), [{ blocks: 20, blockTokens: BLOCK }])
  const matched = new Int32Array(1)
  kv.admit(0, 0, 0, 20)
  kv.commit(0, 0, 20)
  kv.match(0, matched)
  expect(matched[0]).toBe(16)
})

test.each([
  ['paged', pagedKvCache()],
  ['radix', radixKvCache()],
])('a router finds what prompts share, not what is one request’s own: %s', (_, factory) => {
  const kv = factory(threeRequests(), [{ blocks: 20, blockTokens: BLOCK }])
  const matched = new Int32Array(1)
  for (const request of [0, 2]) {
    kv.admit(0, request, 0, 20)
    kv.commit(0, request, 20)
    kv.release(0, request, true)
  }
  kv.match(0, matched)
  expect(matched[0]).toBe(8)
  kv.match(2, matched)
  expect(matched[0]).toBe(0)
  // Where it was, the request itself finds all of it again.
  expect(kv.matchOn(0, 2, 19)).toBe(16)
})

test('blocks stay cached after release and are evicted leaf first, oldest first', () => {
  const kv = pagedKvCache()(threeRequests(), [{ blocks: 6, blockTokens: BLOCK }])
  kv.admit(0, 0, 0, 20)
  kv.commit(0, 0, 20)
  kv.release(0, 0)
  expect(kv.matchOn(0, 0, 20)).toBe(20)
  expect(kv.admit(0, 2, 0, 12)).toBe(true) // one free block, and two evicted from the end
  expect(kv.evictions(0)).toBe(2)
  expect(kv.matchOn(0, 0, 20)).toBe(12)
})

test('an admission that does not fit changes nothing, references included', () => {
  const kv = pagedKvCache()(threeRequests(), [{ blocks: 6, blockTokens: BLOCK }])
  kv.admit(0, 0, 0, 20)
  kv.commit(0, 0, 20)
  const usage = { total: 0, held: 0, cached: 0, free: 0 }
  expect(kv.admit(0, 1, 8, 20)).toBe(false)
  kv.usage(0, usage)
  expect(usage).toEqual({ total: 6, held: 5, cached: 0, free: 1 })
  kv.release(0, 0)
  kv.usage(0, usage)
  expect(usage).toEqual({ total: 6, held: 0, cached: 5, free: 1 })
  kv.verify()
})

test('a request that computed what another has just computed shares its blocks', () => {
  const kv = pagedKvCache()(threeRequests(), [{ blocks: 20, blockTokens: BLOCK }])
  const usage = { total: 0, held: 0, cached: 0, free: 0 }
  kv.admit(0, 0, 0, 20)
  kv.admit(0, 1, 0, 20)
  kv.commit(0, 0, 20)
  kv.commit(0, 1, 20)
  kv.usage(0, usage)
  expect(usage.held).toBe(8) // 5 + 5, two of them shared
  kv.verify()
})

test('without prefix caching nothing is ever a hit', () => {
  const kv = pagedKvCache({ prefixCaching: false })(threeRequests(), [
    { blocks: 6, blockTokens: BLOCK },
  ])
  kv.admit(0, 0, 0, 20)
  kv.commit(0, 0, 20)
  expect(kv.matchOn(0, 0, 20)).toBe(0)
  kv.release(0, 0)
  expect(kv.admit(0, 1, 0, 24)).toBe(true)
  kv.verify()
})

test('a request that can never fit is told from one that has to wait', () => {
  const kv = pagedKvCache()(threeRequests(), [{ blocks: 5, blockTokens: BLOCK }])
  expect(kv.canEverFit(0, 20)).toBe(true)
  expect(kv.canEverFit(0, 21)).toBe(false)
})

function randomTable(random: RandomStream): RequestTable {
  const builder = new RequestTableBuilder()
  for (let i = 0; i < 12; i++) {
    let node = NO_NODE
    for (let depth = random.integer(4); depth > 0; depth--) {
      const end = builder.prompts.endTokens(node) + 1 + random.integer(9)
      node = builder.prompts.stream(node, random.integer(2), end)
    }
    const outputTokens = random.integer(12)
    const promptTokens = Math.max(
      1,
      builder.prompts.endTokens(node) - outputTokens + random.integer(9),
    )
    builder.add({ arrivalMs: i, promptTokens, outputTokens, promptNode: node })
  }
  return builder.build()
}

test.each([
  ['paged', pagedKvCache()],
  ['radix', radixKvCache()],
])('any life of a %s cache agrees with a naive one that compares whole prompts', (_, factory) => {
  for (let seed = 0; seed < 400; seed++) {
    const random = new RandomStream(seed, 'test')
    const requests = randomTable(random)
    const capacity = { blocks: 4 + random.integer(14), blockTokens: 1 + random.integer(5) }
    const kv = factory(requests, [capacity])
    const naive = new NaiveKvCache(requests, capacity)
    const held = new Map<number, number>()
    const log: string[] = []
    const same = (what: string, a: unknown, b: unknown): void => {
      log.push(what)
      expect(a, `seed ${seed}: ${log.join(', ')}`).toEqual(b)
    }
    for (let i = 0; i < 120; i++) {
      const request = random.integer(requests.size)
      const all = requests.promptTokens[request]! + requests.outputTokens[request]!
      const tokens = held.get(request)
      if (tokens === undefined) {
        const cached = kv.matchOn(0, request, all)
        same(`match ${request}`, cached, naive.match(request, all))
        const upTo = Math.min(all, cached + 1 + random.integer(8))
        if (upTo <= cached) continue
        const admitted = kv.admit(0, request, cached, upTo)
        same(`admit ${request} ${cached} ${upTo}`, admitted, naive.admit(request, cached, upTo))
        if (admitted) held.set(request, upTo)
      } else if (random.integer(4) === 0) {
        kv.release(0, request, true)
        naive.release(request)
        held.delete(request)
      } else {
        kv.commit(0, request, tokens)
        naive.commit(request, tokens)
        const upTo = Math.min(all, tokens + random.integer(6))
        const extended = kv.extend(0, request, upTo)
        same(`extend ${request} ${upTo}`, extended, naive.extend(request, upTo))
        if (extended) held.set(request, upTo)
      }
      const usage = { total: 0, held: 0, cached: 0, free: 0 }
      kv.usage(0, usage)
      same('usage', usage, naive.usage())
      same('evictions', kv.evictions(0), naive.evictions)
      kv.verify()
    }
  }
})

test.each([1, 2, 8])(
  'a fleet of caches agrees, with rows for nodes with %s holders',
  (wideFrom) => {
    for (let seed = 0; seed < 150; seed++) {
      const random = new RandomStream(seed, 'fleet')
      const requests = randomTable(random)
      const capacities = Array.from({ length: 5 }, (_, i) => ({
        blocks: 6 + random.integer(14),
        blockTokens: i < 4 ? 2 : 3,
      }))
      const radix = new RadixKvCache(requests, capacities, true, wideFrom)
      const paged = pagedKvCache()(requests, capacities)
      const held = new Map<string, number>()
      const gone = new Set<string>()
      for (let i = 0; i < 150; i++) {
        const request = random.integer(requests.size)
        const backend = random.integer(5)
        const key = `${backend} ${request}`
        if (gone.has(key)) continue
        const all = requests.promptTokens[request]! + requests.outputTokens[request]!
        const tokens = held.get(key)
        const both = [radix, paged] as const
        if (tokens === undefined) {
          const cached = paged.matchOn(backend, request, all)
          const upTo = Math.min(all, cached + 1 + random.integer(8))
          if (upTo <= cached) continue
          const admitted = both.map((kv) => kv.admit(backend, request, cached, upTo))
          expect(admitted[0], `seed ${seed}`).toBe(admitted[1])
          if (admitted[0]) held.set(key, upTo)
        } else {
          for (const kv of both) kv.commit(backend, request, tokens)
          if (random.integer(3) > 0) continue
          const mayReturn = random.integer(3) > 0
          for (const kv of both) kv.release(backend, request, mayReturn)
          held.delete(key)
          if (!mayReturn) gone.add(key)
        }
        const matches = both.map((kv) => {
          const out = new Int32Array(5)
          kv.match(request, out)
          return [...out]
        })
        expect(matches[0], `seed ${seed}`).toEqual(matches[1])
        const some = [0, 1, 2, 3, 4].filter(() => random.integer(2) > 0)
        const members = Int32Array.from(some)
        const among = { members, size: some.length, has: (id: number) => some.includes(id) }
        const holders = new Int32Array(5)
        const found = [...holders.subarray(0, radix.holders(request, among, holders))]
        expect(new Set(found).size, `seed ${seed}: no backend twice`).toBe(found.length)
        expect(some, `seed ${seed}`).toEqual(expect.arrayContaining(found))
        const matching = some.filter((id) => matches[1]![id]! > 0)
        expect(found, `seed ${seed}`).toEqual(expect.arrayContaining(matching))
        for (const kv of both) kv.verify()
      }
    }
  },
)
