import { afterEach, expect, test } from 'vitest'
import { complete, LiveFleet } from '../testing/live-fleet.js'
import { BlockInterner } from '../tokens/block-interner.js'
import { LiveRequest, promptHashes, promptTokensOf, toldHashes } from './live-request.js'

const BLOCK_TOKENS = 16
const fleet = new LiveFleet()
afterEach(() => fleet.close())

function requestOf(tokens: Uint32Array, interner: BlockInterner, keys = {}): LiveRequest {
  const none = { session: undefined, user: undefined, tenant: undefined, model: undefined }
  const facts = { ...none, id: 0, arrivalMs: 0, maxTokens: 0, adapter: undefined, priority: 0 }
  return new LiveRequest(
    { ...facts, promptTokens: promptTokensOf({ tokens }), isStreamed: true },
    promptHashes(tokens, BLOCK_TOKENS, keys),
    BLOCK_TOKENS,
    interner,
  )
}

/** The runs of a prompt of consecutive numbers, as `id:end`. */
function runsOf(interner: BlockInterner, ...tokens: readonly number[]): string[] {
  const runs: string[] = []
  requestOf(Uint32Array.from(tokens), interner).promptPath({
    clear: () => runs.splice(0),
    push: (id, endTokens) => runs.push(`${id}:${endTokens}`),
  })
  return runs
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

test('prompts that are equal have all runs in common, whatever their length', () => {
  const interner = new BlockInterner(1000)
  const of = (...tokens: readonly number[]) => runsOf(interner, ...tokens)
  expect(of()).toEqual([])
  expect(of(7, 8)).toEqual(['0:2'])
  expect(of(7, 8)).toEqual(['0:2'])
  expect(of(7, 9)).toEqual(['1:2'])
  expect(of(...numbers(20))).toEqual(['2:16', '3:20'])
  // It goes on, to a whole block and beyond: nothing but the first block is the same.
  expect(of(...numbers(32))).toEqual(['2:16', '4:32'])
  expect(of(...numbers(33))).toEqual(['2:16', '5:32', '6:33'])
})

test('a head is that of the very tokens, of a shorter prompt the whole, and never that of another adapter', () => {
  const interner = new BlockInterner(1000)
  const head = (tokens: readonly number[], count: number, keys = {}) =>
    requestOf(Uint32Array.from(tokens), interner, keys).promptHead(count)
  const long = numbers(100)
  expect(head(long, 25)).toBe(head([...numbers(25), 7, 7, 7], 25))
  expect(head(long, 25)).not.toBe(head([...numbers(24), 7, 7, 7], 25))
  expect(head([1, 2, 3], 25)).toBe(head([1, 2, 3], 3))
  expect(head([1, 2, 3], 25)).not.toBe(head([1, 2, 4], 25))
  expect(head([1, 2, 3], 25)).not.toBe(head([1, 2, 3, 0], 25))
  expect(head(long, 25)).not.toBe(head(long, 25, { adapter: 'a' }))
  // Of embeddings nobody knows what they share.
  expect(head([], 25)).toBe(-1)
})

test('of a prompt that is told in blocks, a head is the block in which it ends', () => {
  const hashes = toldHashes([5, 6, 7], BLOCK_TOKENS)
  const [first, second, third] = hashes.chained
  expect([16, 25, 48, 60].map((count) => hashes.head(count))).toEqual([first, second, third, third])
})

test.each([
  ['chwbl_prefix@kubeai', 1],
  // It has two homes for each.
  ['dualmap', 2],
])(
  '%s keeps equal prompts that are shorter than a block to %i of six workers',
  async (algorithm, homes) => {
    const router = await fleet.router([await fleet.workers(6)], { algorithm })
    for (const prompt of ['What is 2+2?', 'Please summarise the attached document for me.']) {
      const went = new Set<number>()
      for (let i = 0; i < 10; i++) went.add((await complete(router.url, { prompt })).worker)
      expect(went.size).toBeLessThanOrEqual(homes)
    }
  },
)

test('chwbl_prefix keeps prompts together whose first 100 characters are equal', async () => {
  const router = await fleet.router([await fleet.workers(2)], { algorithm: 'chwbl_prefix@kubeai' })
  const went = new Set<number>()
  for (let i = 0; i < 12; i++) {
    const prompt = `${'Read the ticket and say of which class it is. '.repeat(3).slice(0, 100)} ${i} of ${i * 7919}`
    went.add((await complete(router.url, { prompt })).worker)
  }
  expect(went.size).toBe(1)
})

test('a tree of prompts finds a short one that was sent before', async () => {
  const algorithm = 'sglang_cache_aware'
  const router = await fleet.router([await fleet.workers(4)], { algorithm })
  for (const prompt of ['Hi!', 'What is 2+2?', 'Who are you?', 'Tell me a joke.']) {
    const body = { prompt }
    const { worker } = await complete(router.url, body)
    for (let i = 0; i < 3; i++) expect((await complete(router.url, body)).worker).toBe(worker)
  }
})
