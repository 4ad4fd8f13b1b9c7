import fc from 'fast-check'
import { expect, test } from 'vitest'
import { testBackend, testCluster } from '../test-kit/test-cluster.js'
import { LlumnixRequests } from './llumnix-requests.js'

const action = fc.record({
  kind: fc.constantFrom('add', 'remove', 'move', 'moved'),
  row: fc.nat(7),
  backend: fc.nat(2),
  promptTokens: fc.integer({ min: 1, max: 40 }),
})

test('it agrees with a plain list', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const requests = new LlumnixRequests()
      /** In the order in which they were sent. */
      let list: { row: number; at: number; to: number; promptTokens: number }[] = []
      for (const { kind, row, backend, promptTokens } of actions) {
        const target = testBackend(backend)
        const own = list.find((request) => request.row === row)
        if (kind === 'add') {
          requests.add(row, target, promptTokens, 16, undefined)
          requests.answered(row)
          list = [...list.filter((request) => request !== own)]
          list.push({ row, at: backend, to: -1, promptTokens })
        } else if (kind === 'remove') {
          requests.remove(row)
          list = list.filter((request) => request !== own)
        } else if (kind === 'move' && own !== undefined) {
          requests.move(row, target)
          own.to = backend
        } else if (kind === 'moved' && own !== undefined) {
          requests.moved(row, target)
          Object.assign(own, { at: backend, to: -1 })
        }
        const goers = list.filter(({ to }) => to !== -1).map((request) => request.row)
        expect([...requests.moving].sort()).toEqual(goers.sort())
        for (const id of [0, 1, 2]) {
          const there = list.filter(({ at }) => at === id)
          const held = [...there, ...list.filter(({ to }) => to === id)]
          const blocks = held.map((request) => Math.ceil((request.promptTokens + 16) / 16))
          const shortest = there.toSorted((a, b) => a.promptTokens - b.promptTokens)[0]?.row ?? -1
          expect(requests.countOn(id)).toBe(held.length)
          expect(requests.mostBlocks[id] ?? 0).toBe(blocks.reduce((sum, n) => sum + n, 0))
          expect(requests.shortestOn(id, undefined, testCluster([{}, {}, {}]))).toBe(shortest)
        }
      }
    }),
  )
})
