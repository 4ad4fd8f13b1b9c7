import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { arrangeBy } from './arrange-by.js'

/** SGLang's `--schedule-policy lpm`: most cached prompt tokens first, but not in a long queue. */
export const longestPrefixMatch: LocalPolicyDefinition = defineLocalPolicy({
  name: 'longest_prefix_match',
  description: 'The request with the most cached prompt tokens goes first.',
  rule: 'Requests are ordered by the tokens of their prompt that this backend has cached, for each batch anew; first come, first served among equals, and altogether when more wait than `max_queue`. SGLang also holds back requests that share a prefix with one that is not computed yet, which is left out here.',
  wins: 'Prompts share long prefixes and the cache is small: what is cached is used before it is evicted.',
  loses: 'Few prompts share anything, or those that do not must not wait.',
  source: 'sglang/srt/managers/schedule_policy.py, CacheAwarePolicy.LPM',
  parameters: {
    max_queue: {
      default: 128,
      min: 0,
      integer: true,
      description: 'Waiting requests beyond which the order is first come, first served.',
    },
  },
  create: ({ max_queue: maxQueue }) => ({
    arrange(waiting, order) {
      if (waiting.size <= maxQueue) arrangeBy(waiting, order, (i) => -waiting.cachedTokens(i))
    },
  }),
})
