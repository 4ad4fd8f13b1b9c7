import { expect, test } from 'vitest'
import { TokenGapRecorder } from './token-gap-recorder.js'

test('a stretch of steps counts as one gap per step and request', () => {
  const recorder = new TokenGapRecorder()
  recorder.tokenGaps(Float64Array.of(10, 0.5, 3, 4, 30, 0, 1, 1))
  expect(recorder.gaps).toMatchObject({
    count: 13,
    sum: 4 * (10 + 10.5 + 11) + 30,
    min: 10,
    max: 30,
  })
})
