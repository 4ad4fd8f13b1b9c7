import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { windowNotes } from './window-notes.js'

function notesOf(cluster: string): string[] {
  const requests = new RequestTableBuilder()
  for (const promptTokens of [7000, 8000]) {
    requests.add({ arrivalMs: 0, promptTokens, outputTokens: 500, maxTokens: 500 })
  }
  return windowNotes(parseConfig(cluster, 'fleet.toml').cluster, requests.build())
}

const gptOss = '[cluster]\nmodel = "gpt-oss-120b"\ngpu = "h100"\ntp = 2\nnum_backends = 2\n'

test('KV caches that would be larger by the contexts of the traffic are told, once', () => {
  const note =
    'KV caches of gpt-oss-120b count as if all layers kept the whole context, though 18 of 36 keep 128 tokens: kv_context_tokens = 8000, the mean of this traffic, would make them 2.0 times as large'
  expect(notesOf(gptOss)).toEqual([note])
  const groups = '[[cluster.backends]]\ncount = 2\n[[cluster.backends]]\n'
  expect(notesOf(gptOss.replace('num_backends = 2\n', '') + groups)).toEqual([note])
})

test('a context far above that of the traffic, which makes an impossible KV cache, is told', () => {
  const gemma =
    '[cluster]\nnum_backends = 1\nmodel = "gemma-3-27b"\ngpu = "h100-sxm"\nkv_context_tokens = '
  // Full layers and windows keep 10 x 131,072 + 52 x 1024 tokens of that context, and 10 x 8000 + 52 x 1024 of 8000:
  // 10.41 and 16.66 a token.
  expect(notesOf(`${gemma}131072\n`)).toEqual([
    'KV caches of Gemma-3-27B count as if 52 of 62 layers kept 1024 tokens of contexts of 131072: they are 1.6 times as large as with kv_context_tokens = 8000, the mean of this traffic',
  ])
  expect(notesOf(`${gemma}8500\n`)).toEqual([])
})

test.each([
  ['the config says what contexts requests reach', `${gptOss}kv_context_tokens = 4000\n`],
  ['it says how many blocks there are', `${gptOss}kv_cache_blocks = 10000\n`],
  ['no layer has a window', gptOss.replace('gpt-oss-120b', 'llama-3.1-8b')],
  ['no model is named', '[cluster]\nnum_backends = 2\n'],
])('nothing is told where %s', (_, cluster) => {
  expect(notesOf(cluster)).toEqual([])
})
