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
      const whole = `{${JSON.stringify(key)} : [{"a":1,"a":2}]${rest}`
      const twice = `${whole.slice(0, -1)},${JSON.stringify(key)}:"]"}`
      expect(repeatedKey(twice)).toBe(key)
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
