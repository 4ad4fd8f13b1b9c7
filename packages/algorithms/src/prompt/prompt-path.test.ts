import { expect, test } from 'vitest'
import { PromptPath } from './prompt-path.js'

/** Runs of 10 tokens, numbered from 1. */
function pathOf(runs: number): PromptPath {
  const path = new PromptPath()
  for (let run = 1; run <= runs; run++) path.push(run, 10 * run)
  return path
}

test('it has room for as many runs as there are', () => {
  const path = pathOf(200)
  expect([path.length, path.tokens]).toEqual([200, 2000])
  expect([path.ids[0], path.ids[64], path.ids[199]]).toEqual([1, 65, 200])
  expect([path.endTokens[0], path.endTokens[64], path.endTokens[199]]).toEqual([10, 650, 2000])
  path.clear()
  expect([path.length, path.tokens]).toEqual([0, 0])
})

test.each([
  [30, 3, 30],
  [21, 3, 21],
  [20, 2, 20],
  [1, 1, 1],
  [31, 3, 30],
])('three runs cut to %i tokens are %i with %i', (most, length, tokens) => {
  const path = pathOf(3)
  path.cutTo(most)
  expect([path.length, path.tokens]).toEqual([length, tokens])
})

test('the run of an offset holds the token before it', () => {
  const path = pathOf(3)
  expect([1, 10, 11, 30, 31].map((offset) => path.idAt(offset))).toEqual([1, 1, 2, 3, -1])
})
