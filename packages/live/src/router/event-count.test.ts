import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventCount } from './event-count.js'

function countOf(...chunks: readonly string[]): number {
  const count = new EventCount()
  for (const chunk of chunks) count.take(Buffer.from(chunk))
  return count.events
}

test.each([
  ['LF', ['data: a\n\ndata: b\n\n'], 2],
  ['CRLF', ['data: a\r\n\r\ndata: b\r\n\r\n'], 2],
  ['a cut between the two', ['data: a\n', '\ndata: b\n', '\n'], 2],
  ['a cut within CRLF', ['data: a\r\n\r', '\ndata: b\r', '\n\r\n'], 2],
  ['more empty lines than one', ['\n\ndata: a\n\n\n\n'], 1],
  ['an event of two lines', ['event: x\ndata: a\n\n'], 1],
  ['one that has not ended', ['data: a\n\ndata: b\n'], 1],
])('events are counted with %s', (_, chunks, events) => {
  expect(countOf(...chunks)).toBe(events)
})

test('however a stream is cut, its events are the same', () => {
  const pieces = fc.array(fc.constantFrom('data: x', 'r', '\n', '\r\n', '\n\n', '\r\n\r\n'))
  fc.assert(
    fc.property(pieces, (all) => {
      const text = all.join('')
      expect(countOf(...text)).toBe(countOf(text))
      const lines = text.split('\n').slice(0, -1)
      const isEmpty = lines.map((line) => line === '' || line === '\r')
      const ends = isEmpty.filter((is, i) => is && isEmpty[i - 1] === false)
      expect(countOf(text)).toBe(ends.length)
    }),
  )
})
