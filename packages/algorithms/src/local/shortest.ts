import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'

/**
 * Shortest job first, by prompt tokens or by all tokens that the client declares.
 *
 * Source: Smith, "Various optimizers for single-stage production", Naval Research Logistics Quarterly 3,
 * 1956: the least mean waiting time on one machine.
 */
export const shortest: LocalPolicyDefinition = defineLocalPolicy({
  name: 'shortest',
  description: 'The request with the fewest tokens goes first.',
  rule: 'Requests are ranked by prompt tokens, or with `by = "total"` by prompt tokens and declared output limit together. First come, first served among equals.',
  wins: 'Lengths differ widely and the mean matters: no order has a lower mean wait.',
  loses: 'Tails matter: while short requests keep coming, long ones starve.',
  source: 'Smith, Naval Research Logistics Quarterly 3, 1956',
  parameters: {
    by: {
      default: 'prompt',
      choices: ['prompt', 'total'],
      description: 'Count prompt tokens alone, or the declared output limit too.',
    },
  },
  create: ({ by }) => ({
    rank: ({ promptTokens, maxTokens }) =>
      by === 'prompt' ? promptTokens : promptTokens + maxTokens,
  }),
})
