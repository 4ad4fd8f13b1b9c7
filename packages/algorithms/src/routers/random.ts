import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { anyAvailable } from '../pickers/available.js'

/**
 * Each of the n available backends with probability 1/n. One random number per request, none when
 * there is no choice.
 *
 * Source: the baseline of the literature, e.g. Mitzenmacher, "The power of two choices in
 * randomized load balancing", 2001. O(backends).
 */
export const random: RouterDefinition = defineRouter({
  name: 'random',
  description: 'Sends to any available backend with equal chance.',
  rule: 'Each of the n available backends with probability 1/n.',
  wins: 'Nothing is known, and the fleet is large and lightly loaded.',
  loses: 'Load is high: some backends get several requests more than others by chance.',
  source: 'the baseline of the literature, e.g. Mitzenmacher, IEEE TPDS 12(10), 2001',
  create: () => ({
    route: (_request, cluster) => anyAvailable(cluster),
  }),
})
