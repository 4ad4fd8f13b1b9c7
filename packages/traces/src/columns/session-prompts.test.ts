import { describe, expect, it } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { readText } from '../testing/in-memory.js'

type Turn = readonly [ts: number, prompt: number, output: number, prefix?: string, length?: number]

const text = (turns: readonly Turn[]): string =>
  turns
    .map(([ts, prompt_tokens, gen_tokens, prefix_hash, prefix_len]) =>
      JSON.stringify({
        ts,
        prompt_tokens,
        gen_tokens,
        prefix_hash,
        prefix_len,
        conversation_id: 'c',
      }),
    )
    .join('\n')

describe('the prompts of a conversation', () => {
  it('extend prompt and answer, or the prompt alone, or start afresh', async () => {
    const { table } = await readText(
      text([
        [0, 100, 50],
        [1, 200, 40], // holds 100 + 50
        [2, 220, 10], // holds 200 of the 240
        [3, 150, 10], // holds nothing
      ]),
    )
    expect([...table.prefixTokens]).toEqual([0, 150, 200, 0])
    expect(promptSharing(table)).toEqual({
      sharedWith: Int32Array.of(-1, 0, 1, -1),
      sharedTokens: Int32Array.of(0, 150, 200, 0),
      contentTokens: Int32Array.of(150, 240, 230, 160),
    })
  })

  it('follow the order of arrival, not of the file', async () => {
    const turns: Turn[] = [
      [0, 100, 50],
      [5, 200, 40],
      [9, 300, 10],
    ]
    const sorted = await readText(text(turns))
    const reversed = await readText(text([...turns].reverse()))
    expect(reversed.table).toEqual(sorted.table)
  })

  it('begin with the declared prefix, which other conversations share', async () => {
    const { table } = await readText(
      `${text([
        [0, 100, 50, 'sys', 80],
        [1, 200, 40, 'sys', 80],
        [2, 200, 40, 'other', 80],
      ])}\n{"ts":3,"prompt_tokens":90,"gen_tokens":1,"prefix_hash":"sys","prefix_len":80}`,
    )
    expect([...table.prefixTokens]).toEqual([80, 150, 80, 80])
    expect([...promptSharing(table).sharedTokens]).toEqual([0, 150, 0, 80])
  })

  it('share only the declared prefix when independent', async () => {
    const turns: Turn[] = [
      [0, 100, 50, 'sys', 80],
      [1, 200, 40, 'sys', 80],
    ]
    const { table } = await readText(text(turns), { sessionPrompts: 'independent' })
    expect([...table.prefixTokens]).toEqual([80, 80])
    expect([...promptSharing(table).contentTokens]).toEqual([80, 80])
  })
})
