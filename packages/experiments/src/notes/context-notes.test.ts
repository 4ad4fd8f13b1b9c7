import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { contextNotes } from './context-notes.js'

function notesOf(cluster: string, requests: readonly [number, number, string?][]): string[] {
  const table = new RequestTableBuilder()
  for (const [promptTokens, outputTokens, model] of requests) {
    table.add({
      arrivalMs: 0,
      promptTokens,
      outputTokens,
      ...(model === undefined ? {} : { model }),
    })
  }
  return contextNotes(parseConfig(`[cluster]\n${cluster}`).cluster, table.build())
}

const llama2 = 'num_backends = 1\nmodel = "llama-2-7b"'

test('requests longer than the context of the model are told, and what engines do with them', () => {
  const requests: [number, number][] = [
    [4000, 97],
    [4095, 1],
    [20_480, 5],
    [4096, 1],
    [4000, 96],
  ]
  expect(notesOf(llama2, requests)).toEqual([
    '60% of the requests are longer than the 4096 tokens that Llama-2-7B has positions for: engines refuse 2 of the requests for their prompts and end the answers to 1 of them there, here they are served in full; max_model_len = 4096 would have them rejected',
  ])
})

test('requests that max_model_len refuses are not told, those between it and the context are', () => {
  const requests: [number, number][] = [
    [4000, 97],
    [5000, 1],
    [9000, 1],
  ]
  expect(notesOf(`${llama2}\nmax_model_len = 4096`, requests)).toEqual([])
  expect(notesOf(`${llama2}\nmax_model_len = 8192`, requests)[0]).toContain(
    'engines refuse 1 of the requests for their prompts and end the answers to 1 of them there',
  )
})

test('nothing is told within the context, nor without a model', () => {
  expect(notesOf(llama2, [[4000, 96]])).toEqual([])
  expect(notesOf('num_backends = 1', [[1e6, 9]])).toEqual([])
})

test('each model is asked for its own requests', () => {
  const groups = `
[[cluster.backends]]
model = "llama-2-7b"
[[cluster.backends]]
model = "llama-3.1-8b"
`
  expect(notesOf(groups, [[20_000, 9, 'llama-3.1-8b']])).toEqual([])
  expect(notesOf(groups, [[20_000, 9, 'llama-2-7b']])[0]).toContain('refuse 1 of the requests')
})
