import { describe, expect, it } from 'vitest'
import { promptSharing } from '../stats/prompt-sharing.js'
import { messageOf, readText } from '../testing/in-memory.js'

const good = '{"ts":1.5,"prompt_tokens":12,"gen_tokens":3}'

describe('reading compact JSONL', () => {
  it('fills every column', async () => {
    const { table, prefixHashes, format } = await readText(
      `# a comment\n\n${good}\n{"ts":2,"prompt_tokens":100,"gen_tokens":0,"prefix_hash":"abc","prefix_len":40,"conversation_id":"c","lora_adapter":"l","priority":-3,"max_tokens":77,"user":"u","tenant":"t","model":"m","other":{"x":[1]}}\r\n`,
    )
    expect(format).toBe('compact_jsonl')
    expect([...table.arrivalMs]).toEqual([1.5, 2])
    expect([...table.promptTokens]).toEqual([12, 100])
    expect([...table.outputTokens]).toEqual([3, 0])
    expect([...table.maxTokens]).toEqual([0, 77])
    expect([...table.prefixTokens]).toEqual([0, 40])
    expect([...table.priority]).toEqual([0, -3])
    const names = (['session', 'user', 'tenant', 'model', 'adapter'] as const).map(
      (column) => table.strings[table[column][1]!],
    )
    expect(names).toEqual(['c', 'u', 't', 'm', 'l'])
    expect(prefixHashes).toEqual({ of: Int32Array.of(-1, 0), names: ['abc'] })
  })

  it('keeps what each of many lines that are alike promises', async () => {
    const lines = Array.from({ length: 40 }, (_, i) =>
      good.replace('}', `,"ttft_ms":${100 + i},"deadline_ms":${i}.5}`),
    )
    const { table } = await readText(lines.join('\n'))
    expect([...table.ttftSloMs]).toEqual(lines.map((_, i) => 100 + i))
    expect([...table.deadlineMs!]).toEqual(lines.map((_, i) => i + 0.5))
  })

  it('takes null for what is absent', async () => {
    const names = ['prefix_len', 'max_tokens', 'priority', 'ttft_ms', 'deadline_ms', 'user']
    const nulls = names.map((name) => `"${name}":null`).join()
    const { table } = await readText(good.replace('}', `,${nulls}}`))
    expect(table).toEqual((await readText(good)).table)
  })

  it('shares equal prefixes of different lengths as far as both go', async () => {
    const { table } = await readText(
      [
        '{"ts":0,"prompt_tokens":100,"gen_tokens":1,"prefix_hash":"a","prefix_len":60}',
        '{"ts":1,"prompt_tokens":30,"gen_tokens":1,"prefix_hash":"a","prefix_len":60}',
        '{"ts":2,"prompt_tokens":100,"gen_tokens":1,"prefix_hash":"b","prefix_len":60}',
      ].join('\n'),
    )
    expect([...table.prefixTokens]).toEqual([60, 30, 60])
    expect([...promptSharing(table).sharedTokens]).toEqual([0, 30, 0])
  })

  it('takes hashed blocks of one size, or of a size each', async () => {
    const { table } = await readText(
      [
        '{"ts":0,"prompt_tokens":40,"gen_tokens":1,"hash_ids":[1,2,3],"block_size":16}',
        '{"ts":1,"prompt_tokens":50,"gen_tokens":9,"hash_ids":[1,2,9],"block_size":[16,16,27]}',
        '{"ts":2,"prompt_tokens":50,"gen_tokens":9,"hash_ids":[18446744073709551615,18446744073709551614],"block_size":16}',
        '{"ts":3,"prompt_tokens":50,"gen_tokens":9,"hash_ids":[18446744073709551615,18446744073709551613],"block_size":16}',
      ].join('\n'),
    )
    expect(promptSharing(table)).toEqual({
      sharedWith: Int32Array.of(-1, 0, -1, 2),
      sharedTokens: Int32Array.of(0, 32, 0, 16),
      contentTokens: Int32Array.of(40, 59, 32, 32),
    })
    expect([...table.prefixTokens]).toEqual([40, 50, 32, 32])
  })

  it.each([
    [
      '{"ts":0,"prompt_tokens":"12","gen_tokens":3}',
      'prompt_tokens: expected an integer >= 1, got "12"',
    ],
    ['{"ts":0,"prompt_tokens":0,"gen_tokens":3}', 'prompt_tokens: expected an integer >= 1, got 0'],
    [
      '{"ts":0,"prompt_tokens":1.5,"gen_tokens":3}',
      'prompt_tokens: expected an integer >= 1, got 1.5',
    ],
    [
      '{"ts":0,"prompt_tokens":3000000000,"gen_tokens":3}',
      'prompt_tokens: expected an integer from 1 to 2147483647, got 3000000000',
    ],
    [
      '{"ts":0,"prompt_tokens":2147483647,"gen_tokens":1}',
      'prompt and output tokens together: expected at most 2147483647, got 2147483648',
    ],
    ['{"ts":0,"prompt_tokens":1}', 'gen_tokens: expected an integer >= 0, got nothing'],
    [
      '{"ts":0,"prompt_tokens":1,"gen_tokens":3,"ttft_ms":0}',
      'ttft_ms: expected an integer >= 1, or no ttft_ms for no target, got 0',
    ],
    [
      '{"ts":0,"prompt_tokens":1,"max_tokens":9}',
      'gen_tokens: expected an integer >= 0, got nothing',
    ],
    [
      '{"ts":0,"promt_tokens":1,"gen_tokens":1}',
      'promt_tokens: unknown key; did you mean "prompt_tokens"?',
    ],
    ['{"TS":0,"prompt_tokens":1,"gen_tokens":1}', 'TS: unknown key; did you mean "ts"?'],
    ['{"ts":-1,"prompt_tokens":1,"gen_tokens":1}', 'ts: expected a number from 0 to 2^53, got -1'],
    [
      '{"ts":1e999,"prompt_tokens":1,"gen_tokens":1}',
      'ts: expected a number from 0 to 2^53, got Infinity',
    ],
    [
      '{"ts":NaN,"prompt_tokens":1,"gen_tokens":1}',
      'expected a JSON object, got invalid JSON: {"ts":NaN,"prompt_tokens":1,"gen_tokens"...',
    ],
    ['[1,2]', 'expected a JSON object, got an array'],
    [
      '{"ts":0,"prompt_tokens":1,"gen_tokens":1,"priority":4294967296}',
      'priority: expected an integer of 32 bits, got 4294967296',
    ],
    [
      '{"ts":0,"prompt_tokens":1,"gen_tokens":1,"user":{}}',
      'user: expected a string, got an object',
    ],
    [
      '{"ts":0,"prompt_tokens":17,"gen_tokens":1,"hash_ids":[1,2,3],"block_size":16}',
      'hash_ids: expected at most 2 blocks of 16 tokens for 17 prompt tokens, got 3',
    ],
    [
      '{"ts":0,"prompt_tokens":17,"gen_tokens":1,"hash_ids":[1,2],"block_size":[16]}',
      'block_size: expected 2 lengths, one per id, got 1',
    ],
    [
      '{"ts":0,"prompt_tokens":17,"gen_tokens":1,"hash_ids":[1,2],"block_size":[16,3]}',
      'block_size: expected at most 18 tokens (prompt and answer), got 19',
    ],
  ])('says what is wrong with %s', async (line, message) => {
    expect(await messageOf(readText(`${good}\n\n${line}\n`))).toBe(`t.jsonl:3: ${message}`)
    const { table, skipped } = await readText(`${good}\n\n${line}\n`, { onError: 'skip' })
    expect(table.size).toBe(1)
    expect(skipped).toEqual({ count: 1, messages: [`t.jsonl:3: ${message}`] })
  })
})
