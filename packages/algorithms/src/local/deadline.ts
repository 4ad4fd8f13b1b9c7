import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'
import { deadlineOf, sloParameters } from './deadlines.js'

/**
 * Earliest deadline first.
 *
 * Source: Jackson, "Scheduling a production line to minimize maximum tardiness", 1955; Liu and Layland,
 * Journal of the ACM 20(1), 1973.
 */
export const deadline: LocalPolicyDefinition = defineLocalPolicy({
  name: 'deadline',
  description: 'The request whose first token is due next goes first.',
  rule: 'A first token is due at arrival plus the time to first token that the request asks for, or the parameters for those that ask for none. With one such time for all this is first come, first served.',
  wins: 'Requests ask for different times to first token and all can be met.',
  loses: 'There is too much to do: it works on what is late already.',
  source: 'Liu and Layland, Journal of the ACM 20(1), 1973',
  parameters: sloParameters,
  create: (slo) => ({ rank: (request) => deadlineOf(request, slo) }),
})
