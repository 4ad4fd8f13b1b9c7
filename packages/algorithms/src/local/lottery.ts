import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { arrangeBy } from './arrange-by.js'

/**
 * A lottery for every place in every batch: the order is drawn without replacement, a request with twice
 * the tickets is twice as likely to come next. Exponential keys give exactly this (Efraimidis and Spirakis,
 * Information Processing Letters 97, 2006): one random number per waiting request.
 *
 * Source: Waldspurger and Weihl, "Lottery scheduling", OSDI 1994.
 */
export const lottery: LocalPolicyDefinition = defineLocalPolicy({
  name: 'lottery',
  description: 'Who goes first is drawn, with more tickets for some.',
  rule: 'For each batch an order is drawn from a seeded stream: the next place goes to each request that is left in proportion to its tickets, one divided by its prompt tokens, one for all, or two to the power of its priority.',
  wins: 'Shares matter more than order, and nobody may starve.',
  loses: 'Anything is known of what requests need.',
  source: 'Waldspurger and Weihl, OSDI 1994',
  parameters: {
    tickets: {
      default: 'short',
      choices: ['short', 'equal', 'priority'],
      description: 'More tickets for short prompts, the same for all, or more for higher priority.',
    },
  },
  create: ({ tickets }, random) => ({
    arrange(waiting, order) {
      arrangeBy(waiting, order, (i) => {
        const { promptTokens, priority } = waiting.at(i)
        const count =
          tickets === 'equal' ? 1 : tickets === 'short' ? 1 / promptTokens : 2 ** priority
        return random.exponential(1 / count)
      })
    },
  }),
})
