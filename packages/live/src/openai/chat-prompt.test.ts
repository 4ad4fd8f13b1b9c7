import { expect, test } from 'vitest'
import { chatTokens } from './chat-prompt.js'

const user = { role: 'user', content: 'Write the file, please.' }
const read = (...messages: readonly object[]) => chatTokens({ messages }, 100)

/** Leading tokens that two prompts share. */
function shared(a: Uint32Array, b: Uint32Array): number {
  const at = a.findIndex((token, i) => token !== b[i])
  return at < 0 ? a.length : at
}

test('a prompt has the names and arguments of calls, and what differs there is another prompt', () => {
  const conversation = (written: string, id: string) => [
    user,
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id,
          type: 'function',
          function: { name: 'write_file', arguments: `{"text":"${written}"}` },
        },
      ],
    },
    { role: 'tool', tool_call_id: id, content: 'ok' },
  ]
  const [long, short] = [
    read(...conversation('x'.repeat(40_000), 'a')),
    read(...conversation('y', 'a')),
  ]
  expect(long.length - short.length).toBeGreaterThan(9900)
  expect(long.length - short.length).toBeLessThan(10_100)
  const turn = read(user).length
  expect(shared(long, short)).toBeGreaterThanOrEqual(turn)
  expect(shared(long, short)).toBeLessThan(turn + 20)
  // Most templates leave ids out.
  expect(read(...conversation('y', 'another'))).toEqual(short)
})

test('a conversation goes on from an answer with a call', () => {
  const call = { function: { name: 'find', arguments: '{}' } }
  const answered = [user, { role: 'assistant', content: 'Let me see.', tool_calls: [call] }]
  const before = read(...answered)
  const after = read(...answered, { role: 'tool', name: 'find', content: 'nothing' })
  // All but the header of the next answer.
  expect(shared(before, after)).toBeGreaterThan(before.length - 5)
  expect(shared(read(user), before)).toBe(read(user).length)
})

test('arguments that are no text, calls that are none, and parts that are texts are read as they are meant', () => {
  const called = (call: object) => read(user, { role: 'assistant', tool_calls: [call] })
  const named = (given?: unknown) => called({ function: { name: 'f', arguments: given } })
  expect(named({ a: 1 })).toEqual(named('{"a":1}'))
  expect(named()).toEqual(named('{}'))
  expect(called({ function: 3 })).toEqual(read(user, { role: 'assistant' }))
  const texts = ['a', { type: 'text', text: 'b' }, { type: 'refusal', refusal: 'c' }, null]
  expect(read({ role: 'user', content: texts })).toEqual(read({ role: 'user', content: 'abc' }))
})

test('thoughts are part of a prompt until the next question, by either name', () => {
  const thought = (name: string) => ({ role: 'assistant', content: 'A.', [name]: 'x'.repeat(400) })
  const bare = { role: 'assistant', content: 'A.' }
  const result = { role: 'tool', content: 'ok' }
  const going = read(user, thought('reasoning_content'), result)
  expect(going.length - read(user, bare, result).length).toBe(100)
  expect(read(user, thought('reasoning'), result)).toEqual(going)
  expect(read(user, thought('reasoning_content'), user)).toEqual(read(user, bare, user))
})

const asking = (...parts: readonly object[]) =>
  read({ role: 'user', content: [{ type: 'text', text: 'What is it?' }, ...parts] })
const picture = (url: string, more: object = {}) => ({
  type: 'image_url',
  image_url: { url },
  ...more,
})

test('a picture has a fixed number of tokens, which tell its bytes or its address', () => {
  const none = asking()
  const [one, same, other] = ['A', 'A', 'B'].map((letter) =>
    asking(picture(`data:image/png;base64,${letter.repeat(600_000)}`)),
  ) as [Uint32Array, Uint32Array, Uint32Array]
  expect(one.length).toBe(none.length + 100)
  expect(same).toEqual(one)
  // The text before it, and nothing of it.
  const before = shared(one, other)
  expect(before).toBe(shared(none, one))
  expect(other.subarray(before, before + 100).every((token, i) => token !== one[before + i])).toBe(
    true,
  )
  expect(asking(picture('https://a/1.png'))).not.toEqual(asking(picture('https://a/2.png')))
})

test('sounds, videos and files are counted as pictures are, and known again by their uuid', () => {
  const tokens = asking().length + 100
  for (const part of [
    { type: 'input_audio', input_audio: { data: 'abcd', format: 'wav' } },
    { type: 'video_url', video_url: { url: 'https://a/1.mp4' } },
    { type: 'file', file: { file_data: 'abcd' } },
    { type: 'unknown' },
  ])
    expect(asking(part).length).toBe(tokens)
  const uuid = 'cat-1'
  expect(asking({ type: 'image_url', image_url: null, uuid })).toEqual(
    asking(picture('https://a/1.png', { uuid })),
  )
})

test('more pictures than any model takes are refused before they are read', () => {
  const messages = [{ role: 'user', content: Array.from({ length: 1000 }, () => ({})) }]
  expect(() => chatTokens({ messages }, 65_536)).toThrow(
    'messages: expected at most 256 parts that are no text',
  )
})
