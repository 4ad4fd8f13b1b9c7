import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { arrangeBy } from './arrange-by.js'
import { deadlineOf, sloParameters } from './deadlines.js'

/** Least laxity first: the time to the deadline less the time that the rest of the prompt takes. */
export const laxity: LocalPolicyDefinition = defineLocalPolicy({
  name: 'laxity',
  description: 'The request that can wait least goes first.',
  rule: 'The laxity of a request is the time until its first token is due less the time that its uncached prompt takes to compute alone, by the latency model. The least goes first, for each batch anew.',
  wins: 'Prompts differ widely in length and all times to first token can be met.',
  loses: 'There is too much to do: it works on what can not be met any more.',
  source: 'Mok, Fundamental design problems of distributed systems, MIT, 1983',
  parameters: sloParameters,
  create: (slo) => ({
    arrange(waiting, order) {
      arrangeBy(waiting, order, (i) => deadlineOf(waiting.at(i), slo) - waiting.prefillMs(i))
    },
  }),
})
