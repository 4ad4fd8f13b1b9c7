import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hashInteger, hashString } from './hash.js'
import { HashRing } from './hash-ring.js'
import type { KeyPlacement } from './key-placement.js'
import { Maglev } from './maglev.js'
import { Rendezvous } from './rendezvous.js'

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashString(`key-${i}`))

function order(placement: KeyPlacement, hash: number): number[] {
  const met: number[] = []
  for (let id = placement.first(hash); id !== -1; id = placement.next()) met.push(id)
  return met
}

function homes(placement: KeyPlacement, ids: readonly number[]): number[] {
  placement.setMembers(ids)
  return KEYS.map((key) => placement.first(key))
}

const TEN = Array.from({ length: 10 }, (_, i) => i)

describe.each([
  // Besides the keys of the backend that goes, the rule may move this share of all; and shares of
  // backends differ from the mean by this share of it.
  { name: 'ring', make: () => new HashRing(150), strays: 0, unevenness: 0.35 },
  { name: 'rendezvous', make: () => new Rendezvous(), strays: 0, unevenness: 0.1 },
  { name: 'maglev', make: () => new Maglev(65_537), strays: 0.03, unevenness: 0.1 },
])('$name', ({ make, strays, unevenness }) => {
  test('the order of a key has every member once', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40), { maxLength: 8 }), fc.nat(), (ids, key) => {
        const placement = make()
        placement.setMembers(ids)
        const met = order(placement, hashInteger(key))
        expect([...met].sort((a, b) => a - b)).toEqual([...ids].sort((a, b) => a - b))
      }),
      { numRuns: 20 },
    )
  })

  test('removing one of ten backends moves its own keys, and hardly any other', () => {
    const placement = make()
    const before = homes(placement, TEN)
    const after = homes(
      placement,
      TEN.filter((id) => id !== 3),
    )
    const moved = before.filter((home, i) => home !== after[i])
    const own = before.filter((home) => home === 3).length
    expect(moved.filter((home) => home === 3)).toHaveLength(own)
    expect((moved.length - own) / KEYS.length).toBeLessThanOrEqual(strays)
    expect(own / KEYS.length).toBeGreaterThan(0.05)
    expect(own / KEYS.length).toBeLessThan(0.15)
  })

  test('adding it again gives every key back', () => {
    const placement = make()
    const before = homes(placement, TEN)
    homes(placement, [0, 1])
    expect(homes(placement, TEN)).toEqual(before)
  })

  test('as many members as before, but others, are met', () => {
    const placement = make()
    placement.setMembers([0, 1])
    placement.setMembers([0, 2])
    expect(new Set(order(placement, 7))).toEqual(new Set([0, 2]))
  })

  test('backends have about equal shares', () => {
    const counts = TEN.map(() => 0)
    for (const home of homes(make(), TEN)) counts[home]!++
    for (const count of counts) {
      expect(Math.abs(count - KEYS.length / 10)).toBeLessThan((unevenness * KEYS.length) / 10)
    }
  })

  test('without members there is no home', () => {
    const placement = make()
    placement.setMembers([])
    expect(order(placement, 7)).toEqual([])
  })
})

test('keys of a backend that goes spread over all the others by rendezvous', () => {
  const placement = new Rendezvous()
  const before = homes(placement, TEN)
  const after = homes(placement, TEN.slice(1))
  const heirs = after.filter((_, i) => before[i] === 0)
  expect(new Set(heirs).size).toBe(9)
})

test('a ring gives the next member clockwise to keys of one that goes', () => {
  const ring = new HashRing(50)
  ring.setMembers(TEN)
  const [home, heir] = order(ring, 12_345) as [number, number]
  ring.setMembers(TEN.filter((id) => id !== home))
  expect(ring.first(12_345)).toBe(heir)
})

test('a maglev table has a prime length', () => {
  expect(() => new Maglev(100)).toThrow('expected a prime number of entries, got 100')
})

test.each([3, 6, 10])(
  'of %i, a point has the keys up to it, the first those after the last',
  (n) => {
    const ring = new HashRing(5)
    const members = TEN.slice(0, n)
    ring.setMembers(members)
    const points = members.flatMap((owner) =>
      Array.from({ length: 5 }, (_, i) => ({
        owner,
        at: hashInteger(hashInteger(owner, 0x51ed) ^ i, 0x7a),
      })),
    )
    points.sort((a, b) => a.at - b.at)
    for (const [i, { owner, at }] of points.entries()) {
      expect(ring.first(at)).toBe(owner)
      expect(ring.first(at + 1)).toBe(points[(i + 1) % points.length]!.owner)
    }
    expect(ring.first(0)).toBe(points[0]!.owner)
    expect(ring.first(2 ** 32 - 1)).toBe(points[0]!.owner)
  },
)
