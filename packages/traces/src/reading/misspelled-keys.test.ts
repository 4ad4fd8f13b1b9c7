import { expect, test } from 'vitest'
import { readText } from '../testing/in-memory.js'

const notesOf = async (...lines: object[]): Promise<readonly string[]> =>
  (await readText(lines.map((line) => JSON.stringify(line)).join('\n'))).notes

const compact = { ts: 0, prompt_tokens: 10, gen_tokens: 1 }
const mooncake = { timestamp: 0, input_length: 10, output_length: 1 }

test('an optional key that is misspelled is told once, with its first line', async () => {
  const lines = [compact, { ...compact, priorty: 1 }, { ...compact, priorty: 2, modell: 'm' }]
  const notes = await notesOf(...lines, ...lines)
  expect(notes).toEqual([
    expect.stringMatching(/:2 priorty: unknown key, ignored; did you mean "priority"\?$/),
    expect.stringMatching(/:3 modell: unknown key, ignored; did you mean "model"\?$/),
  ])
  expect(await notesOf({ ...mooncake, sesion_id: 'a' })).toEqual([
    expect.stringContaining('sesion_id: unknown key, ignored; did you mean "session_id"?'),
  ])
})

test('the key that another format has for it is told', async () => {
  expect(await notesOf({ ...compact, session_id: 'a' })).toEqual([
    expect.stringContaining('session_id: unknown key, ignored; did you mean "conversation_id"?'),
  ])
  expect(await notesOf({ ...mooncake, conversation_id: 'a' })).toEqual([
    expect.stringContaining('conversation_id: unknown key, ignored; did you mean "session_id"?'),
  ])
  expect(await notesOf({ ...compact, session_id: 'a', conversation_id: 'b' })).toEqual([])
})

test('of many such keys the first five are told, and that there are more', async () => {
  const keys = ['1', '2', '3', '4', '5', '6', '7'].map((digit) => [`priorit${digit}`, 1])
  const notes = await notesOf({ ...compact, ...Object.fromEntries(keys) })
  expect(notes).toHaveLength(6)
  expect(notes[4]).toContain('priorit5: unknown key, ignored; did you mean "priority"?')
  expect(notes[5]).toContain('priorit6: unknown key, ignored; further ones are not listed')
})

test('what a terminal would obey is told as it is written in JSON', async () => {
  expect(await notesOf({ ...compact, 'priority\u001b': 1 })).toEqual([
    expect.stringContaining(' priority\\u001b: unknown key'),
  ])
})

test.each([
  ['keys of its own', { ...compact, region: 'eu', uid: 7, trace_id: 'x', ttl: 3 }],
  ['a key beside the one that it resembles', { ...compact, model: 'a', models: ['a', 'b'] }],
  ['what other tools write', { ...mooncake, type: 'chat', turn: 1, text_input: 'a', chat_id: 1 }],
  ['keys that are all known', { ...compact, hash_ids: [1], block_size: 16, id: 'a', after: null }],
])('a trace with %s is read without a note', async (_, line) => {
  expect(await notesOf(line)).toEqual([])
})
