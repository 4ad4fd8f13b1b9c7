import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenCount } from './token-count.js'

function countOf(...chunks: readonly string[]): number {
  const count = new TokenCount()
  for (const chunk of chunks) count.take(Buffer.from(chunk))
  return count.tokens
}

const chat = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
const plain = (text: string, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, text, finish_reason }] })}\n\n`
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":9}}\n\n'
const DONE = 'data: [DONE]\n\n'
const ROLE = chat({ role: 'assistant', content: '' })

test.each([
  ["vLLM's chat", [ROLE, chat({ content: 'a' }), chat({ content: 'b' }, 'length'), DONE], 2],
  ['the same with usage', [ROLE, chat({ content: 'a' }, 'length'), USAGE, DONE], 1],
  [
    'a token that ends the answer',
    [ROLE, chat({ content: 'a' }), chat({ content: '' }, 'stop')],
    2,
  ],
  ['an end of its own', [ROLE, chat({ content: 'a' }), chat({}, 'stop'), DONE], 1],
  ['an end without content', [chat({ content: 'a' }), chat({ content: null }, 'stop'), DONE], 1],
  ['a role in each chunk', [chat({ role: 'assistant', content: 'a' })], 1],
  ['thoughts', [ROLE, chat({ reasoning_content: 'a' }), chat({ reasoning: 'b' }), DONE], 2],
  [
    'a call of a tool',
    [ROLE, chat({ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] }), DONE],
    1,
  ],
  ['plain completions', [plain('a'), plain('b', 'length'), DONE], 2],
  ['blanks as Python writes them', ['data: {"choices": [{"text": "a"}]}\n\n', DONE], 1],
  ['CRLF', ['data: {"choices":[{"text":"a"}]}\r\n\r\n', 'data: [DONE]\r\n\r\n'], 1],
  ['an answer about chunks', [plain('{"content":"x","text":"y"}'), DONE], 1],
  ['an error', ['data: {"error":{"message":"no"}}\n\n'], 0],
  ['a comment', [': "text":"a"\n\n'], 0],
])('tokens are counted in %s', (_, chunks, tokens) => {
  expect(countOf(...chunks)).toBe(tokens)
})

test('however a stream is cut, its tokens are the same', () => {
  const pieces = fc.array(fc.constantFrom(ROLE, chat({ content: 'é' }), plain('"'), USAGE, '\r\n'))
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 40 }), (all, size) => {
      const bytes = Buffer.from(all.join(''))
      const count = new TokenCount()
      for (let i = 0; i < bytes.length; i += size) count.take(bytes.subarray(i, i + size))
      expect(count.tokens).toBe(countOf(all.join('')))
    }),
  )
})

test('of a line without an end only the beginning is kept', () => {
  expect(countOf('data: "text":"a"', 'x'.repeat(10 ** 6), '\n')).toBe(1)
  expect(countOf('data: ', 'x'.repeat(10 ** 6), '"text":"a"\n')).toBe(0)
})
