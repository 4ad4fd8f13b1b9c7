import { expect, test } from 'vitest'
import { TokenGapRecorder } from './token-gap-recorder.js'

test('gaps of warm-up requests are left out', () => {
  const recorder = new TokenGapRecorder(2)
  recorder.tokenReceived(0, 100)
  recorder.tokenReceived(1, 100)
  recorder.tokenReceived(2, 10)
  recorder.tokenReceived(3, 30)
  expect(recorder.gaps).toMatchObject({ count: 2, sum: 40, min: 10, max: 30 })
})
