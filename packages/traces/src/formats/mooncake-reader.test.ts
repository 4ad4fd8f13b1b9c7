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
      hint: 'Give the block size that the trace was hashed with (--block-size, trace.block_size, blockTokens).',
    })
  })

  it.each([
    ['{"timestamp":0,"input_lenght":5,"output_length":6}', 'input_lenght', 'input_length'],
    ['{"timestamp":0,"input_length":5,"output_len":6}', 'output_len', 'output_length'],
    ['{"time_stamp":0,"input_length":5,"output_length":6}', 'time_stamp', 'timestamp'],
  ])('knows a needed key that is misspelled: %s', async (text, key, meant) => {
    expect(await messageOf(readText(text))).toBe(
      `t.jsonl:1: ${key}: unknown key; did you mean "${meant}"?`,
    )
  })

  it('takes the turns of AIPerf, timed or not', async () => {
    const { table } = await readText(
      [
        '{"session_id":"a","input_length":300,"output_length":40}',
        '{"session_id":"a","input_length":150,"output_length":20,"delay":1000}',
        '{"session_id":"a","input_length":151,"output_length":20}',
        '{"session_id":"b","input_length":7,"output_length":20,"timestamp":5}',
        '{"session_id":"b","input_length":8,"output_length":20,"timestamp":9}',
      ].join('\n'),
    )
    expect([...table.promptTokens]).toEqual([300, 7, 8, 150, 151])
    expect([...table.arrivalMs]).toEqual([0, 5, 9, 1000, 1000])
    expect([...table.predecessor!]).toEqual([-1, -1, -1, 0, 3])
    expect([...table.thinkMs!]).toEqual([0, 0, 0, 1000, 0])
    const noTime = readText('{"input_length":300,"output_length":40}')
    expect(await messageOf(noTime)).toContain('timestamp: expected a number')
  })

  it('estimates texts and messages, which share what they say', async () => {
    const user = { role: 'user', content: 'x'.repeat(128) }
    const answer = { role: 'assistant', content: 'y'.repeat(64) }
    const { table } = await readText(
      [
        { session_id: 's', messages: [user], output_length: 16, timestamp: 0 },
        { session_id: 's', messages: [user, answer, user], output_length: 5, timestamp: 2000 },
        { text_input: 'x'.repeat(100), output_length: 5, timestamp: 3000 },
        {
          session_id: 'd',
          message_mode: 'delta',
          messages: [user],
          output_length: 8,
          timestamp: 4000,
        },
        { session_id: 'd', message_mode: 'delta', messages: [user], output_length: 8, delay: 9 },
      ]
        .map((line) => JSON.stringify(line))
        .join('\n'),
    )
    expect([...table.promptTokens]).toEqual([32, 81, 25, 32, 72])
    expect([...promptSharing(table).sharedTokens]).toEqual([0, 32, 16, 0, 40])
  })
})
