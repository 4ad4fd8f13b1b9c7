import { describe, expect, test } from 'vitest'
import { PromptPath } from '../prompt/prompt-path.js'
import { PromptNodes } from './prompt-nodes.js'

/** A path of runs that end at so many tokens. */
function pathOf(runs: readonly (readonly [id: number, endTokens: number])[]): PromptPath {
  const path = new PromptPath()
  for (const [id, endTokens] of runs) path.push(id, endTokens)
  return path
}

/** Adds a prompt. @returns where its nodes end */
function add(tree: PromptNodes, path: PromptPath, promptTokens = 0): number[] {
  tree.find(path)
  tree.cut()
  tree.addRest(promptTokens)
  return Array.from(tree.nodes.subarray(0, tree.length), (node) => tree.endOf(node))
}

const LONG = pathOf([
  [1, 16],
  [2, 32],
  [3, 48],
])

describe('a prompt', () => {
  test('is one node as long as none has left it', () => {
    const tree = new PromptNodes()
    expect(add(tree, LONG, 50)).toEqual([50])
    expect(add(tree, pathOf([[9, 7]]))).toEqual([7])
  })

  test('is cut where another leaves it or ends, and what is its own begins with nothing else', () => {
    const tree = new PromptNodes()
    add(tree, LONG, 50)
    const [whole] = tree.nodes
    expect(add(tree, pathOf([[1, 16]]), 30)).toEqual([16, 30])
    expect(tree.parentOf(whole!)).toBe(tree.nodes[0])
    expect([tree.startOf(whole!), tree.tokensOf(whole!)]).toEqual([16, 34])
    expect(add(tree, LONG)).toEqual([16, 48])
    expect(add(tree, LONG, 50)).toEqual([16, 48, 50])
    expect(add(tree, LONG, 49)).toEqual([16, 48, 49])
  })

  test('is followed without a cut by find', () => {
    const tree = new PromptNodes()
    add(tree, LONG, 50)
    tree.find(pathOf([[1, 16]]))
    expect([tree.length, tree.tokens]).toEqual([1, 16])
    tree.find(LONG)
    expect([tree.length, tree.tokens]).toEqual([1, 48])
    expect(tree.endOf(tree.nodes[0]!)).toBe(50)
  })

  test('without content is a node of its own', () => {
    const tree = new PromptNodes()
    expect([add(tree, pathOf([]), 20), add(tree, pathOf([]), 20)]).toEqual([[20], [20]])
  })

  test('whose estimated length is less than its content has all of that', () => {
    expect(add(new PromptNodes(), LONG, 20)).toEqual([48])
  })
})

test('the number of a leaf that is dropped is given to another, in which its runs do not lie', () => {
  const tree = new PromptNodes()
  add(tree, LONG)
  const [node] = tree.nodes
  const serial = tree.serialOf(node!)
  tree.drop(node!)
  expect(add(tree, pathOf([[9, 7]]))).toEqual([7])
  expect(tree.nodes[0]).toBe(node)
  expect(tree.serialOf(node!)).toBeGreaterThan(serial)
  tree.find(LONG)
  expect(tree.length).toBe(0)
})

test('runs whose ids are given to others end a prompt that is known', () => {
  const tree = new PromptNodes()
  add(tree, LONG)
  tree.forget([3, 2, 999])
  tree.find(LONG)
  expect([tree.length, tree.tokens]).toEqual([1, 16])
  // Other content from there on.
  expect(add(tree, LONG)).toEqual([16, 48])
})
