import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NamePool } from './name-pool.js'

test('equal names have equal numbers, and every name comes back as it was', () => {
  const name = fc.oneof(
    fc.string({ maxLength: 3 }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\ud800', '\ufffd', 'ÿ', ''),
  )
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 300 }), (names) => {
      const pool = new NamePool()
      const ids = names.map((text) => pool.ofString(text))
      expect(ids.map((id) => pool.name(id))).toEqual(names)
      expect(pool.size).toBe(new Set(names).size)
    }),
    { numRuns: 500 },
  )
})

test('a name in a file and the same name as a string have one number', () => {
  const pool = new NamePool()
  const file = Buffer.from('{"user":"alice"}')
  const id = pool.ofBytes(file, 9, 14)
  expect([pool.ofString('alice'), pool.name(id), pool.ofString('bob')]).toEqual([id, 'alice', 1])
})
