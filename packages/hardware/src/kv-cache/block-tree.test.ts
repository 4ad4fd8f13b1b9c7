import { NO_NODE, RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { BlockTree } from './block-tree.js'

test('by hand: nodes in blocks of 4 tokens, each block with a name of its own', () => {
  const builder = new RequestTableBuilder()
  const { prompts } = builder
  const first = prompts.stream(NO_NODE, 'first', 40)
  const left = prompts.stream(first, 'left', 62)
  const right = prompts.stream(first, 'right', 60)
  const other = prompts.stream(NO_NODE, 'other', 160)
  // In this one no whole block ends: it is not kept.
  const short = prompts.stream(right, 'short', 63)
  for (const promptNode of [left, right, other, short]) {
    builder.add({ arrivalMs: 0, promptTokens: 200, outputTokens: 1, promptNode })
  }
  const tree = new BlockTree(builder.build(), 4)
  const nodes = Array.from({ length: tree.size }, (_, node) => ({
    of: tree.promptNodeOf[node]!,
    blocks: [tree.start[node]!, tree.end[node]!],
    under: tree.parent[node] === NO_NODE ? NO_NODE : tree.promptNodeOf[tree.parent[node]!]!,
  }))
  expect(nodes).toEqual([
    { of: first, blocks: [0, 10], under: NO_NODE },
    { of: left, blocks: [10, 15], under: first },
    { of: right, blocks: [10, 15], under: first },
    { of: other, blocks: [0, 40], under: NO_NODE },
  ])
  expect(Array.from(tree.leaf, (leaf) => tree.promptNodeOf[leaf])).toEqual([
    left,
    right,
    other,
    right,
  ])
  expect(tree.depth).toBe(2)
  const names = Array.from({ length: tree.size }, (_, node) => {
    const blocks = tree.end[node]! - tree.start[node]!
    return Array.from({ length: blocks }, (_, i) => tree.nameBase[node]! + tree.start[node]! + i)
  }).flat()
  expect(new Set(names).size).toBe(10 + 5 + 5 + 40)
})
