import { expect, test } from 'vitest'
import { NO_NODE } from './prompt-tree.js'
import { RequestTableBuilder } from './request-table-builder.js'
import { separateAdapters } from './separate-adapters.js'

function tableOf(adapters: readonly (string | undefined)[]) {
  const builder = new RequestTableBuilder()
  const root = builder.prompts.stream(NO_NODE, 'system', 40)
  const branch = builder.prompts.stream(root, 'branch', 100)
  for (const [i, adapter] of adapters.entries()) {
    builder.add({
      arrivalMs: i,
      promptTokens: 100,
      outputTokens: 1,
      promptNode: i % 2 === 0 ? branch : root,
      ...(adapter !== undefined && { adapter }),
    })
  }
  return builder.build()
}

test('equal prompts under different adapters are different content, under the same one the same', () => {
  const { promptNode, prompts } = tableOf([undefined, undefined, 'a', 'a', 'b', 'b'])
  const rootOf = (node: number): number =>
    prompts.parent[node] === NO_NODE ? node : rootOf(prompts.parent[node]!)
  const roots = [...promptNode].map(rootOf)
  expect(new Set(roots).size).toBe(3)
  for (const i of [0, 2, 4]) expect(roots[i]).toBe(roots[i + 1])
  // Lengths and parents stay what they were.
  for (const i of [0, 2, 4]) expect(prompts.parent[promptNode[i]!]).toBe(promptNode[i + 1])
  expect([...promptNode].map((node) => prompts.endTokens[node])).toEqual([
    100, 40, 100, 40, 100, 40,
  ])
  for (let node = 0; node < prompts.size; node++) expect(prompts.parent[node]).toBeLessThan(node)
})

test.each([[[undefined, undefined]], [['a', 'a']], [[]]] as const)(
  'a table of one adapter, or none, is left as it is: %o',
  (adapters) => {
    const table = tableOf(adapters)
    expect(separateAdapters(table)).toBe(table)
    expect(table.prompts.size).toBe(2)
  },
)

test('content that no request without adapter has is kept apart all the same', () => {
  const { promptNode } = tableOf(['a', 'b', 'a', 'b'])
  expect(promptNode[0]).toBe(promptNode[2])
  expect(promptNode[1]).toBe(promptNode[3])
  expect(tableOf(['a', 'a']).promptNode[0]).not.toBe(promptNode[3])
})
