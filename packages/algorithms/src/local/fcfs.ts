import { defineLocalPolicy, type LocalPolicyDefinition } from '../definition/define-local-policy.js'

/** First come, first served: the order of vLLM, SGLang and TensorRT-LLM unless they are told otherwise. */
export const fcfs: LocalPolicyDefinition = defineLocalPolicy({
  name: 'fcfs',
  description: 'First come, first served.',
  rule: 'The request that joined the queue first goes first; one that was preempted goes before all others.',
  wins: 'Requests are alike, or nobody may wait for ever.',
  loses: 'A long prompt at the front makes many short ones wait.',
  source: 'vllm/v1/core/sched/request_queue.py, FCFSRequestQueue',
  create: () => ({ rank: () => 0 }),
})
