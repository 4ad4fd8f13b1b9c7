import { expect, test } from 'vitest'
import { StepLedger } from './step-ledger.js'

const step = (decodeRequests: number) => ({
  prefillTokens: 0,
  prefillRequests: 0,
  prefillAttentionPairs: 0,
  decodeRequests,
  decodeContextTokens: 0,
})

test('units between two times, of cut steps their part', () => {
  const ledger = new StepLedger([() => 1, ({ decodeRequests }) => decodeRequests])
  ledger.add(10, 10, step(4))
  ledger.add(20, 20, step(8))
  const out = new Float64Array(2)
  ledger.between(0, 100, out)
  expect([...out]).toEqual([2, 12])
  ledger.between(15, 25, out)
  expect([...out]).toEqual([0.75, 4])
  ledger.between(0, 10, out)
  expect([...out]).toEqual([0, 0])
})
