import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { arrangeBy } from './arrange-by.js'

/**
 * Highest response ratio next: (wait + service) / service, where the service is the time that the uncached
 * prompt takes.
 *
 * Source: Brinch Hansen, "An analysis of response ratio scheduling", IFIP Congress 1971.
 */
export const hrrn: LocalPolicyDefinition = defineLocalPolicy({
  name: 'hrrn',
  description: 'The request that has waited longest for its size goes first.',
  rule: 'The response ratio of a request is (time since arrival + service) / service; its service is the time that its uncached prompt takes to compute alone, by the latency model. The highest goes first, for each batch anew.',
  wins: 'Lengths differ widely and nobody may starve: nearly the mean of shortest first, with an end to every wait.',
  loses: 'Lengths are alike: it is first come, first served at a cost.',
  source: 'Brinch Hansen, IFIP Congress 1971',
  create: () => ({
    arrange(waiting, order) {
      arrangeBy(waiting, order, (i) => {
        const serviceMs = waiting.prefillMs(i)
        if (serviceMs === 0) return Number.NEGATIVE_INFINITY
        // Sums of times differ in their last digits where the ratios are the same.
        return -Math.fround((waiting.nowMs - waiting.at(i).arrivalMs) / serviceMs)
      })
    },
  }),
})
