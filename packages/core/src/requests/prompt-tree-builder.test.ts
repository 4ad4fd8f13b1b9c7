import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_NODE } from './prompt-tree.js'
import { PromptTreeBuilder } from './prompt-tree-builder.js'

test('equal blocks after equal blocks are one node, after different ones two', () => {
  const prompts = new PromptTreeBuilder()
  const a = prompts.block(NO_NODE, 1, 512)
  expect(prompts.block(NO_NODE, 1, 512)).toBe(a)
  const ab = prompts.block(a, 2, 100)
  expect(prompts.block(NO_NODE, 2, 100)).not.toBe(ab)
  expect(prompts.endTokens(ab)).toBe(612)
})

test('a block that comes back with another length is refused', () => {
  const prompts = new PromptTreeBuilder()
  prompts.block(NO_NODE, 7, 512)
  expect(() => prompts.block(NO_NODE, 7, 511)).toThrow(
    'block 7: expected 512 tokens as before, got 511',
  )
})

test('a stream cut at different lengths shares its beginning', () => {
  const prompts = new PromptTreeBuilder()
  const long = prompts.stream(NO_NODE, 'system', 300)
  const short = prompts.stream(NO_NODE, 'system', 200)
  const turn = prompts.stream(short, 'chat', 250)
  const { tree, renumbered } = prompts.build()
  const at = (node: number): number => renumbered![node]!
  expect(tree.parent[at(long)]).toBe(at(short))
  expect(tree.parent[at(turn)]).toBe(at(short))
  expect([tree.startTokens[at(long)], tree.endTokens[at(long)]]).toEqual([200, 300])
  expect([tree.startTokens[at(turn)], tree.endTokens[at(turn)]]).toEqual([200, 250])
})

test('parents come before children and end where they start, whatever is interned', () => {
  const stream = fc.tuple(fc.nat(5), fc.nat(3), fc.integer({ max: 60, min: 1 }))
  fc.assert(
    fc.property(fc.array(stream, { maxLength: 60 }), (streams) => {
      const prompts = new PromptTreeBuilder()
      const ends = new Map<number, number>()
      for (const [above, key, length] of streams) {
        const parent = above < prompts.size ? above : NO_NODE
        const end = prompts.endTokens(parent) + length
        ends.set(prompts.stream(parent, `k${key}`, end), end)
      }
      const { tree, renumbered } = prompts.build()
      for (const [node, end] of ends) expect(tree.endTokens[renumbered?.[node] ?? node]).toBe(end)
      for (let node = 0; node < tree.size; node++) {
        const parent = tree.parent[node]!
        expect(parent).toBeLessThan(node)
        expect(tree.startTokens[node]).toBe(parent === NO_NODE ? 0 : tree.endTokens[parent])
        expect(tree.endTokens[node]!).toBeGreaterThan(tree.startTokens[node]!)
      }
    }),
  )
})
