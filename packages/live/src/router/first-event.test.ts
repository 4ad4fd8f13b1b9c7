import { expect, test } from 'vitest'
import { FirstEvent, LOOKED_THROUGH_BYTES, type Opening } from './first-event.js'

function openingOf(...chunks: readonly string[]): Opening {
  const first = new FirstEvent()
  for (const chunk of chunks) {
    const opening = first.take(Buffer.from(chunk))
    if (opening !== 'none') return opening
  }
  return first.end()
}

const ERROR = '{"error":{"message":"größer","code":503}}'

test('an error is known in every shape, however it is cut', () => {
  const shapes = [
    `data: ${ERROR}\n\n`,
    `data:${ERROR}\r\n\r\n`,
    `: ping\n\n: ping\n\ndata: ${ERROR}\n\n`,
    `event: error\ndata: ${ERROR}\n\n`,
    `data: ${ERROR}`,
    'data: { "error" : {"message":"größer",\ndata: "code" : "503"} }\n\n',
  ]
  for (const shape of shapes) {
    for (let cut = 0; cut <= shape.length; cut++) {
      const opening = openingOf(shape.slice(0, cut), shape.slice(cut))
      expect(opening).toMatchObject({ errorStatus: 503 })
      expect(JSON.parse((opening as { json: string }).json).error.message).toBe('größer')
    }
    expect(openingOf(...shape)).toMatchObject({ errorStatus: 503 })
  }
  for (const error of ['"no"', '{}', '{"code":null}', '{"code":"too_bad"}', '{"code":200}'])
    expect(openingOf(`data: {"error":${error}}\n\n`)).toMatchObject({ errorStatus: 500 })
})

test('answers are none, and neither is what can not be read', () => {
  const answers = [
    '{"choices":[{"text":"{\\"error\\":1}"}]}',
    '{"choices":[],"error":{"code":500}}',
    '{"choices":[],"error":null}',
    '{"error":null}',
    '[DONE]',
    'null',
    '{"error":',
  ]
  for (const answer of answers) expect(openingOf(`data: ${answer}\n\n`)).toBe('answer')
})

test('a stream without events says nothing, and one that says nothing for long passes', () => {
  for (const silent of ['', ': ping\n\n', 'event: error\n\n'])
    expect(openingOf(silent)).toBe('none')
  expect(new FirstEvent().take(Buffer.alloc(LOOKED_THROUGH_BYTES, ':'))).toBe('none')
  expect(new FirstEvent().take(Buffer.alloc(LOOKED_THROUGH_BYTES + 1, ':'))).toBe('answer')
})
