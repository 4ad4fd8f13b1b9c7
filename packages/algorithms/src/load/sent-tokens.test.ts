import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SentTokens } from './sent-tokens.js'

test('the last ones count, and those before are forgotten', () => {
  const sent = new SentTokens()
  expect(sent.lastOf(0, 3)).toBe(0)
  for (const tokens of [100, 20, 3]) sent.add(1, tokens)
  expect([sent.lastOf(1, 9), sent.lastOf(1, 2), sent.lastOf(1, 3), sent.lastOf(0, 3)]).toEqual([
    123, 23, 23, 0,
  ])
})

test('it agrees with a plain list', () => {
  const step = fc.oneof(
    fc.record({ backend: fc.nat(3), tokens: fc.nat(1000) }),
    fc.record({ backend: fc.nat(3), last: fc.nat(6) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const sent = new SentTokens()
      const lists: number[][] = [[], [], [], []]
      for (const one of steps) {
        if ('tokens' in one) {
          sent.add(one.backend, one.tokens)
          lists[one.backend]!.push(one.tokens)
          continue
        }
        const kept = lists[one.backend]!.slice(
          one.last === 0 ? lists[one.backend]!.length : -one.last,
        )
        lists[one.backend] = kept
        expect(sent.lastOf(one.backend, one.last)).toBe(
          kept.reduce((sum, tokens) => sum + tokens, 0),
        )
      }
    }),
  )
})
