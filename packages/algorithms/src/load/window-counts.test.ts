import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WindowCounts } from './window-counts.js'

test('counts as a list of all that happened does', () => {
  const happening = fc.record({
    afterMs: fc.integer({ min: 0, max: 30 }),
    backend: fc.integer({ min: 0, max: 4 }),
  })
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 300 }),
      fc.integer({ min: 1, max: 2000 }),
      (all, spanMs) => {
        const window = new WindowCounts(spanMs)
        window.reserve(5)
        const list: { atMs: number; backend: number }[] = []
        let nowMs = 0
        for (const { afterMs, backend } of all) {
          nowMs += afterMs
          window.expire(nowMs)
          const within = list.filter(({ atMs }) => nowMs - atMs < spanMs)
          const expected = [0, 1, 2, 3, 4].map(
            (id) => within.filter((one) => one.backend === id).length,
          )
          expect([...window.counts]).toEqual(expected)
          window.add(backend, nowMs)
          list.push({ atMs: nowMs, backend })
        }
      },
    ),
  )
})
