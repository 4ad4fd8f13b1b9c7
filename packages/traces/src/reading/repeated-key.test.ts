import fc from 'fast-check'
import { expect, test } from 'vitest'
import { messageOf, readText } from '../testing/in-memory.js'
import { repeatedKey } from './repeated-key.js'

test('a key that stands twice is found, whatever else is in the text', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (object, key) => {
      const own = JSON.stringify(object)
      expect(repeatedKey(own)).toBeUndefined()
      const rest = own === '{}' ? '}' : `,${own.slice(1)}`
      const whole = `{${JSON.stringify(key)} : [{"a":1,"b":{"a":[2]}},{"a":1}]${rest}`
      const twice = `${whole.slice(0, -1)},${JSON.stringify(key)}:"]"}`
      expect(repeatedKey(twice)).toBe(key)
      expect(repeatedKey(`[1,{"x":[${twice}]}]`)).toBe(`x.${key}`)
    }),
  )
})

test('a line that says something twice is refused, not read by half', async () => {
  const line = '{"ts":0,"prompt_tokens":5,"prompt_tokens":6,"gen_tokens":1}'
  const message = 't.jsonl:1: prompt_tokens: expected it once, got it twice'
  expect(await messageOf(readText(line))).toBe(message)
  const mooncake =
    '{"timestamp":0,"input_length":5,"output_length":1,"hash_ids":[1],"hash_ids":[2]}'
  expect(await messageOf(readText(mooncake))).toContain('hash_ids: expected it once')
})

const span = (attributes: string): string =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"5","attributes":[${attributes}]}]}]}]}`
const count = (key: string, tokens: number): string =>
  `{"key":"gen_ai.${key}","value":{"intValue":${tokens}}}`

test.each([
  [
    'metrics.input_sequence_length.value',
    '{"metadata":{"request_start_ns":5},"metrics":{"input_sequence_length":{"value":5,"value":3}}}',
  ],
  ['requests.in', '{"id":"s","block_size":64,"requests":[{"t":0,"in":200,"in":100,"out":3}]}'],
  ['conversations.value', '[{"conversations":[{"from":"human","value":"a","value":"b"}]}]'],
  [
    'data.payloads.max_tokens',
    '{"data":[{"payloads":[{"prompt":"x","max_tokens":5,"max_tokens":6}]}]}',
  ],
  ['input_lens', '{"input_lens":[5],"input_lens":[7],"output_lens":[1]}'],
  ['input_lens', '{\n"input_lens":[5],\n"input_lens":[7],"output_lens":[1]}'],
  [
    'resourceSpans.scopeSpans.spans.startTimeUnixNano',
    span('').replace('"attributes"', '"startTimeUnixNano":"6","attributes"'),
  ],
  [
    'gen_ai.usage.input_tokens',
    span(`${count('usage.input_tokens', 5)},${count('usage.input_tokens', 6)}`),
  ],
])('what stands twice within others is refused too: %s', async (key, text) => {
  expect(await messageOf(readText(text))).toContain(`${key}: expected it once, got it twice`)
})

test('an attribute of no interest may stand twice', async () => {
  const { table } = await readText(
    span(`${count('x', 5)},${count('x', 6)},${count('usage.input_tokens', 7)}`),
  )
  expect([...table.promptTokens]).toEqual([7])
})
