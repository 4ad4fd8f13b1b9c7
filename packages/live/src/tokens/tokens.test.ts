import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashBlocks } from './block-hashes.js'
import { BlockInterner } from './block-interner.js'
import { renderChat, tokensOfText } from './prompt-tokens.js'

test('four bytes of text are a token, the last one may have fewer', () => {
  expect([...tokensOfText('abcdabcdx')]).toEqual([0x64636261, 0x64636261, 0x78])
  expect(tokensOfText('').length).toBe(0)
  expect(tokensOfText('ééé').length).toBe(2)
})

test('a conversation that repeats an answer extends the one before, token for token', () => {
  const rendered = (...parts: readonly [role: string, content: string][]) =>
    renderChat(
      parts.map(([role, content]) => ({ role, parts: [content] })),
      '',
    ).join('')
  const first = rendered(['user', 'Hi!'])
  const answer = 'abc def '
  const second = rendered(['user', 'Hi!'], ['assistant', answer], ['user', 'And?'])
  expect(tokensOfText(first).length * 4).toBe(Buffer.byteLength(first))
  expect(second.startsWith(first + answer)).toBe(true)
})

test('equal chained hashes mean equal blocks from the start on, equal local hashes equal blocks', () => {
  const sequence = fc.array(fc.nat(1), { maxLength: 24 })
  fc.assert(
    fc.property(sequence, sequence, (a, b) => {
      const [left, right] = [hashBlocks(a, 4), hashBlocks(b, 4)]
      expect(left.chained.length).toBe(Math.floor(a.length / 4))
      for (let i = 0; i < Math.min(left.chained.length, right.chained.length); i++) {
        const isSame = a.slice(0, 4 * (i + 1)).join() === b.slice(0, 4 * (i + 1)).join()
        expect(left.chained[i] === right.chained[i]).toBe(isSame)
        const isSameBlock =
          a.slice(4 * i, 4 * (i + 1)).join() === b.slice(4 * i, 4 * (i + 1)).join()
        expect(left.local[i] === right.local[i]).toBe(isSameBlock)
      }
    }),
  )
})

test('hashes of many blocks differ, and salts tell equal ones apart', () => {
  const tokens = Uint32Array.from({ length: 400_000 }, (_, i) => i)
  const { local, chained } = hashBlocks(tokens, 2)
  expect(new Set(local).size).toBe(200_000)
  expect(new Set(chained).size).toBe(200_000)
})

test('an adapter is part of every block, a salt of the first, and neither stands for the other', () => {
  const [adapter, cacheSalt] = ['a', 'a']
  const all = [{}, { adapter }, { cacheSalt }, { adapter, cacheSalt }]
  const hashes = all.map((keys) => hashBlocks([1, 2, 3, 4], 2, keys))
  const distinct = (kind: 'local' | 'chained', block: number) =>
    new Set(hashes.map((each) => each[kind][block])).size
  expect([distinct('local', 0), distinct('chained', 0), distinct('chained', 1)]).toEqual([4, 4, 4])
  expect(distinct('local', 1)).toBe(2)
  expect(hashBlocks([1, 2], 2, { adapter: undefined, cacheSalt: '' })).toEqual(
    hashBlocks([1, 2], 2),
  )
})

test('an id names one block until it is said to be free, and memory does not grow', () => {
  const interner = new BlockInterner(100)
  const first = interner.intern([1, 2, 3])
  expect([...first]).toEqual([0, 1, 2])
  const named = new Map<number, number>()
  let most = 0
  for (let i = 0; i < 2000; i++) {
    // Blocks 1 to 3 stay in use, and block 7 is kept.
    expect([...interner.intern([1, 2, 3])]).toEqual([0, 1, 2])
    const [id, kept] = [interner.intern([1000 + i])[0]!, interner.idsOf([7])[0]!]
    expect([named.get(id) ?? 1000 + i, kept]).toEqual([1000 + i, 4])
    named.set(id, 1000 + i)
    most = Math.max(most, interner.size)
    if (interner.isFull) for (const gone of interner.forget([[7]])) named.delete(gone)
    expect(named.size).toBeLessThan(102)
  }
  expect(most).toBeLessThanOrEqual(104)
  const ids = interner.intern([5000, 5001, 5002, 1])
  expect(new Set(ids).size).toBe(4)
  expect(Math.max(...ids)).toBeLessThan(110)
})

test('to be told of a block does not keep it, and its prompt does', () => {
  const interner = new BlockInterner(8)
  const [start, end] = interner.intern([1, 2])
  interner.forget([])
  interner.idsOf([2])
  // Both, or what begins with the other would outlive it.
  expect([...interner.forget([])].sort()).toEqual([start, end])
})
