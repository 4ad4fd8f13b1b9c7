import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'

/**
 * Priority scheduling as in vLLM V1 (`--scheduling-policy priority`): the queue by priority, then arrival;
 * when KV blocks run out, the running request of the lowest priority, the latest arrival among equals, is
 * preempted, even one that has its place in the step already. Larger is more urgent here, smaller in vLLM.
 */
export const priority: LocalPolicyDefinition = defineLocalPolicy({
  name: 'priority',
  description: 'The request with the highest priority goes first, and loses its KV blocks last.',
  rule: 'Requests are ranked by priority, the larger the more urgent, first come first served among equals. Nobody who waits pushes out somebody who runs; but when KV blocks run out, the running request with the lowest priority is preempted, the latest arrival among equals.',
  wins: 'Traffic has classes and the urgent one is small.',
  loses: 'Urgent requests alone fill the backends: the others starve.',
  source: 'vllm/v1/core/sched/scheduler.py, SchedulingPolicy.PRIORITY',
  create: () => ({ rank: ({ priority }) => -priority, preemptsByRank: true }),
})
