import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Int32Column } from './int32-column.js'

test('holds what was set and the default elsewhere, whatever is set in which order', () => {
  const step = fc.tuple(fc.nat(6000), fc.integer({ min: -2, max: 2 }))
  fc.assert(
    fc.property(fc.constantFrom(0, -1), fc.array(step), fc.nat(7000), (initial, steps, size) => {
      const column = new Int32Column(initial)
      const plain = new Array<number>(7000).fill(initial)
      for (const [row, value] of steps) {
        column.set(row, value)
        plain[row] = value
      }
      expect(column.isUsed).toBe(steps.some(([, value]) => value !== initial))
      for (const [row] of steps) expect(column.get(row + 1)).toBe(plain[row + 1])
      const order = Int32Array.from({ length: 50 }, (_, i) => (i * 997) % 7000)
      expect([...column.finish(50, order)]).toEqual([...order].map((row) => plain[row]))
      const finished = column.finish(size)
      expect([...finished]).toEqual(plain.slice(0, size))
      expect(finished.buffer).toBeInstanceOf(SharedArrayBuffer)
    }),
    { numRuns: 300 },
  )
})
