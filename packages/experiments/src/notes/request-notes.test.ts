import { RequestTableBuilder } from '@routesim/core'
import { expect, test } from 'vitest'
import { requestNotes } from './request-notes.js'

function notesOf(answers: readonly (readonly [outputTokens: number, maxTokens: number])[]) {
  const requests = new RequestTableBuilder()
  for (const [outputTokens, maxTokens] of answers)
    requests.add({ arrivalMs: 0, promptTokens: 10, outputTokens, maxTokens })
  return requestNotes(requests.build())
}

test('answers beyond their limit, and none, are told by their share', () => {
  const notes = notesOf([
    [50, 5],
    [0, 5],
    [6, 5],
    [5, 5],
  ])
  expect(notes).toEqual([
    '50% of the requests have more output tokens than their max_tokens, where servers stop: they are answered in full',
    '25% of the requests have no output tokens, as traces record failed ones: each is completed once its prompt is computed',
  ])
})

test('nothing is told of answers within their limit, nor where no request has one', () => {
  expect(
    notesOf([
      [5, 5],
      [5, 6],
    ]),
  ).toEqual([])
  expect(
    notesOf([
      [0, 5],
      [0, 0],
    ]),
  ).toEqual([])
  expect(notesOf([[5, 0]])).toEqual([])
})
