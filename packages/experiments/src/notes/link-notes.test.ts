import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { linkNotes } from './link-notes.js'

const notesOf = (keys: string): string[] =>
  linkNotes(parseConfig(`[cluster]\nnum_backends = 1\n${keys}`).cluster)

test('a link that does not reach all GPUs that exchange is told', () => {
  expect(notesOf('model = "llama-3.1-405b"\ngpu = "h200"\ntp = 16')).toEqual([
    '16 GPUs of a backend exchange over NVLink 4, which joins 8 of H200: the link between servers is slower, and compute_model.link can name it',
  ])
  const spread = 'model = "deepseek-v3"\ngpu = "h200"\ndp = 32\nep = 32'
  expect(notesOf(spread)[0]).toMatch(/^32 GPUs of a backend exchange/)
})

test('nothing is told within its reach, of stages of a pipeline, or where another link is named', () => {
  const model = 'model = "llama-3.1-405b"\n'
  expect(notesOf(`${model}gpu = "h200"\ntp = 8\npp = 2`)).toEqual([])
  expect(notesOf(`${model}gpu = "gb200"\ntp = 16`)).toEqual([])
  const link = 'compute_model = { kind = "roofline", link = "InfiniBand NDR" }'
  expect(notesOf(`${model}gpu = "h200"\ntp = 16\n${link}`)).toEqual([])
})
