import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { lengthNotes } from './length-notes.js'

const notesOf = (keys: string): string[] =>
  lengthNotes(parseConfig(`[cluster]\nnum_backends = 1\n${keys}`).cluster)

const small = 'kv_cache_blocks = 100\nkv_block_size = 16\n'

test('a length that the KV cache does not hold is told, once, where the engine is vLLM or none is named', () => {
  const note =
    'max_model_len = 1601 is more than the 1600 tokens that a KV cache holds: vLLM does not start like that, here requests of more are rejected one by one'
  expect(notesOf(`${small}max_model_len = 1601`)).toEqual([note])
  const groups = '[[cluster.backends]]\n[[cluster.backends]]\n'
  const alike = parseConfig(`[cluster]\n${small}max_model_len = 1601\n${groups}`)
  expect(lengthNotes(alike.cluster)).toEqual([note])
  expect(notesOf(`${small}engine = "vllm"\nmax_model_len = 1601`)).toEqual([note])
  expect(notesOf(`${small}engine = "sglang"\nmax_model_len = 1601`)).toEqual([])
})

test('nothing is told where it holds that, or no length is given', () => {
  expect(notesOf(`${small}max_model_len = 1600`)).toEqual([])
  expect(notesOf(small)).toEqual([])
})

test('layers with a window keep no more than it, as far as the blocks follow from the model', () => {
  const gemma = 'model = "gemma-3-27b"\ngpu = "h100"\ngpu_memory_utilization = 0.85\n'
  const { cluster } = parseConfig(`[cluster]\nnum_backends = 1\n${gemma}`)
  const counted = cluster.kv_cache_blocks * cluster.kv_block_size
  const length = 2 * counted
  expect(length).toBeLessThan(131_072)
  expect(notesOf(`${gemma}max_model_len = ${length}`)).toEqual([])
  const said = `${gemma}kv_cache_blocks = ${cluster.kv_cache_blocks - 1}\n`
  expect(notesOf(`${said}max_model_len = ${length}`)).toHaveLength(1)
})
