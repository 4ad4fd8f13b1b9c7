import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OwnershipTable } from './ownership-table.js'

const RUNS = 4
const TOKENS = 16
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('touch'), run: fc.nat(RUNS - 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('oldest'), run: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop'), run: fc.nat(RUNS - 1) }) },
)

// From 8 owners on a run has a row, and loses it at 4; larger fleets turn up while it has one.
test.each([6, 12, 40])(
  'of %d backends, those who own a run are found, as a plain list has them',
  (backends) => {
    const step = fc.tuple(operation, fc.nat(backends - 1))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new OwnershipTable()
        /** By backend: its runs, the least recently used first. */
        const owned = Array.from({ length: backends }, (): number[] => [])
        for (const [{ kind, run }, backend] of steps) {
          const own = owned[backend]!
          if (kind === 'touch') {
            const isNew = !own.includes(run)
            expect(table.touch(run, backend, TOKENS)).toBe(isNew)
            owned[backend] = [...own.filter((each) => each !== run), run]
          } else if (kind === 'oldest') {
            expect(table.dropOldest(backend)).toBe(own.length > 0)
            own.shift()
          } else {
            const entry = table.find(run, backend)
            expect(entry !== -1).toBe(own.includes(run))
            if (entry !== -1) table.drop(entry)
            owned[backend] = own.filter((each) => each !== run)
          }
        }
        for (let run = 0; run < RUNS; run++) {
          const expected = owned.flatMap((own, id) => (own.includes(run) ? [id] : []))
          const count = table.ownersOf(run)
          expect([...table.found.subarray(0, count)].sort((a, b) => a - b)).toEqual(expected)
          const listed: number[] = []
          for (let e = table.firstOwner(run); e !== -1; e = table.nextOwner(e))
            listed.push(table.ownerOf(e))
          expect(listed.sort((a, b) => a - b)).toEqual(expected)
          for (const [id, own] of owned.entries()) {
            const entry = table.find(run, id)
            expect(entry !== -1).toBe(own.includes(run))
            if (entry !== -1) expect(table.ownerOf(entry)).toBe(id)
          }
        }
        expect(table.size).toBe(owned.flat().length)
        for (const [id, own] of owned.entries())
          expect(table.tokensOf(id)).toBe(own.length * TOKENS)
      }),
      { numRuns: 60 },
    )
  },
)

test('what is given to another backend is what that used last', () => {
  const table = new OwnershipTable()
  for (const [ms, run, backend] of [
    [5, 0, 0],
    [7, 1, 1],
  ] as const) {
    table.at(ms)
    table.touch(run, backend, TOKENS)
  }
  table.at(9)
  table.give(table.find(0, 0), 1)
  expect([table.oldestMs(0), table.tokensOf(0), table.find(0, 0)]).toEqual([Infinity, 0, -1])
  expect([table.oldestMs(1), table.tokensOf(1)]).toEqual([7, 2 * TOKENS])
  table.dropOldest(1)
  expect([table.oldestMs(1), table.ownersOf(0), table.found[0]]).toEqual([9, 1, 1])
})
