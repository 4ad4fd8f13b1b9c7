import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonUsage, StreamUsage, UNTOLD, usageReaderFor } from './answer-usage.js'

function usageOf(json: string, size = json.length) {
  const reader = new JsonUsage()
  const bytes = Buffer.from(json)
  for (let i = 0; i < bytes.length; i += Math.max(1, size)) {
    reader.take(bytes.subarray(i, i + Math.max(1, size)))
  }
  return reader.usage
}

const USAGE = {
  prompt_tokens: 11,
  completion_tokens: 42,
  prompt_tokens_details: { cached_tokens: 7 },
}
const TOLD = { promptTokens: 11, outputTokens: 42, cachedTokens: 7 }
const FALSE = { completion_tokens: 1, prompt_tokens_details: { cached_tokens: 1 } }
const LOOKALIKE = '"usage":{"completion_tokens":1},"usage"'
const long = Array.from({ length: 30_000 }, (_, i) => i)

test.each([
  ['alone', { usage: USAGE }],
  ['first', { usage: USAGE, prompt_token_ids: long, prompt_logprobs: null }],
  ['last', { prompt_token_ids: long, usage: USAGE }],
  ['beside others that are deeper', { choices: [{ usage: FALSE }], usage: USAGE, x: FALSE }],
  ['in words of an answer', { choices: [{ text: LOOKALIKE }], usage: USAGE, y: `\\${LOOKALIKE}` }],
  [
    'as a value, and as part of names',
    { a: 'usage', usage: USAGE, usages: FALSE, '"usage"': FALSE },
  ],
])('the usage of an answer is found: %s', (_, answer) => {
  for (const indent of [0, 2]) {
    const json = JSON.stringify(answer, undefined, indent)
    expect([usageOf(json), usageOf(json, 1000), usageOf(json, 1)]).toEqual([TOLD, TOLD, TOLD])
  }
})

test.each([
  ['{}'],
  ['{"usage":null}'],
  ['{"usage":{}}'],
  ['{"usage":[1]}'],
  ['{"usage":{"completion_tokens":-1}}'],
  ['{"usage":{"completion_tokens":"9"}}'],
  ['{"choices":[{"usage":{"completion_tokens":9}}]}'],
  ['[{"usage":{"completion_tokens":9}},"usage",{"completion_tokens":9}]'],
  [`{"usage":{"completion_tokens":9,"x":"${'x'.repeat(70_000)}"}}`],
  ['{"usage":{"completion_tokens":9'],
  ['"usage":{"completion_tokens":9},'],
  ['}]}"usage":9'],
  [''],
])('what an answer does not tell is unknown: %.40s', (json) => {
  expect(usageOf(json)).toEqual(UNTOLD)
  expect(usageOf(json, 7)).toEqual(UNTOLD)
})

test('whatever an answer says and however it is cut, its usage is that of the parsed one', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('usage', LOOKALIKE, '\\"', '{', ']'))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(text, fc.integer(), fc.constant(null), fc.constant(FALSE)),
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  }))
  const members = fc.array(fc.tuple(text, value))
  const size = fc.integer({ min: 1, max: 40 })
  const blank = fc.constantFrom('', ' ', '\n')
  fc.assert(
    fc.property(members, members, size, blank, (before, after, cut, indent) => {
      const isOther = ([name]: [string, unknown]): boolean => name !== 'usage'
      const all = [...before.filter(isOther), ['usage', USAGE], ...after.filter(isOther)] as const
      const json = JSON.stringify(Object.fromEntries(all), undefined, indent)
      expect(usageOf(json, cut)).toEqual(TOLD)
    }),
  )
})

test('a stream says it in its last events, or in the chunks that carry text', () => {
  const usageOfStream = (...chunks: readonly string[]) => {
    const reader = new StreamUsage()
    for (const chunk of chunks) reader.take(Buffer.from(chunk))
    return reader.usage
  }
  const events = Array.from({ length: 300 }, () => 'data: {"choices":[{"text":"a"}]}\n\n')
  expect(usageOfStream(...events)).toEqual({ ...UNTOLD, outputTokens: 300 })
  const last = `data: ${JSON.stringify({ choices: [], usage: USAGE })}\n\n`
  expect(usageOfStream(...events, last, 'data: [DONE]\n\n')).toEqual(TOLD)
})

test('an answer is read as what it is, and not at all when it is packed', () => {
  const events = { 'content-type': 'text/event-stream; charset=utf-8' }
  const json = { 'content-type': 'application/json' }
  expect(usageReaderFor(true, events)).toBeInstanceOf(StreamUsage)
  expect(usageReaderFor(true, {})).toBeInstanceOf(StreamUsage)
  expect(usageReaderFor(true, json)).toBeInstanceOf(JsonUsage)
  expect(usageReaderFor(false, json)).toBeInstanceOf(JsonUsage)
  expect(usageReaderFor(true, { ...events, 'content-encoding': 'gzip' })).toBeUndefined()
  expect(usageReaderFor(false, { ...json, 'content-encoding': 'br' })).toBeUndefined()
})
