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
