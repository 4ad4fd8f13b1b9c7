import { describe, expect, it } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { messageOf, readText } from '../testing/in-memory.js'

const line = (timestamp: number, length: number, ids: number[]): string =>
  JSON.stringify({ timestamp, input_length: length, output_length: 5, hash_ids: ids })

describe('reading Mooncake JSONL', () => {
  it('covers 512 tokens per id, the last block in part', async () => {
    const { table, format } = await readText(
      [line(0, 1200, [0, 1, 2]), line(0, 1500, [0, 1, 3]), line(9, 2000, [0])].join('\n'),
    )
    expect(format).toBe('mooncake')
    expect([...table.prefixTokens]).toEqual([1200, 1500, 512])
    expect(promptSharing(table)).toEqual({
      sharedWith: Int32Array.of(-1, 0, 0),
      sharedTokens: Int32Array.of(0, 1024, 512),
      contentTokens: Int32Array.of(1200, 1500, 512),
    })
  })

  it('tells equal ids after different beginnings apart', async () => {
    const { table } = await readText([line(0, 32, [0, 7]), line(1, 32, [1, 7])].join('\n'), {
      blockTokens: 16,
    })
    expect([...promptSharing(table).sharedTokens]).toEqual([0, 0])
  })

  it('refuses an id that changes its length, and more ids than blocks', async () => {
    const text = [line(0, 512, [4]), line(0, 100, [4])].join('\n')
    expect(await messageOf(readText(text))).toBe(
      't.jsonl:2: hash_ids: block 4: expected 512 tokens as before, got 100 (equal ids mean equal content)',
    )
    expect(await messageOf(readText(line(0, 512, [4, 5])))).toBe(
      't.jsonl:1: hash_ids: expected at most 1 blocks of 512 tokens for 512 prompt tokens, got 2',
    )
    await expect(readText(line(0, 512, [4, 5]))).rejects.toMatchObject({
      path: 't.jsonl:1',
      hint: 'Give the block size that the trace was hashed with (blockTokens).',
    })
  })
})
