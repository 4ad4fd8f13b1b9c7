import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RankedBits } from './ranked-bits.js'

test('knows members, their ranks and the next one as an array of them does', () => {
  const members = fc.uniqueArray(fc.nat(20_000), { maxLength: 60 })
  fc.assert(
    fc.property(members, fc.array(fc.nat(21_000)), (unordered, probes) => {
      const all = unordered.sort((a, b) => a - b)
      const bits = new RankedBits()
      for (const member of all) bits.push(member)
      expect(bits.size).toBe(all.length)
      for (const probe of [...probes, ...all, ...all.map((member) => member + 1)]) {
        expect(bits.has(probe)).toBe(all.includes(probe))
        expect(bits.rank(probe)).toBe(all.filter((member) => member < probe).length)
        const limit = probe + 5000
        const next = all.find((member) => member >= probe) ?? limit
        expect(bits.next(probe, limit)).toBe(Math.min(next, limit))
      }
    }),
  )
})
