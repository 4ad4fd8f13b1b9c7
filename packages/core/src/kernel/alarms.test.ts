import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Alarms } from './alarms.js'

test('the earliest alarm is found, ties going to the lowest agent', () => {
  const time = fc.oneof(fc.nat(5), fc.constant(Number.POSITIVE_INFINITY))
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.tuple(fc.nat(19), time), { maxLength: 60 }),
      (agents, settings) => {
        const alarms = new Alarms(agents)
        const model = new Array<number>(agents).fill(Number.POSITIVE_INFINITY)
        for (const [agent, timeMs] of settings) {
          alarms.dueMs[agent % agents] = timeMs
          alarms.arm(agent % agents)
          model[agent % agents] = timeMs
          const earliestMs = Math.min(...model)
          expect(alarms.earliestMs).toBe(earliestMs)
          if (earliestMs < Number.POSITIVE_INFINITY) {
            expect(alarms.earliest).toBe(model.indexOf(earliestMs))
          }
        }
      },
    ),
  )
})
