import { expect, test } from 'vitest'
import { readText } from '../testing/in-memory.js'

const lines = (...prefixes: number[]): string =>
  prefixes
    .map((prefix_len) =>
      JSON.stringify({ ts: 0, prompt_tokens: 50, gen_tokens: 1, prefix_hash: 'a', prefix_len }),
    )
    .join('\n')

test('prefixes longer than their prompts are cut, which is told', async () => {
  const { table, notes } = await readText(lines(50, 90, 20, 70))
  expect([...table.prefixTokens]).toEqual([50, 50, 20, 50])
  expect(notes).toEqual([
    expect.stringMatching(
      /: 2 requests declare a prefix longer than their prompt, which is cut to it \(first: 90 tokens, of a prompt of 50\)$/,
    ),
  ])
  const { notes: one } = await readText(lines(50, 70))
  expect(one[0]).toContain(': 1 request declares a prefix longer than its prompt, ')
  expect((await readText(lines(50, 20))).notes).toEqual([])
})
