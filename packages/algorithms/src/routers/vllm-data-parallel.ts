import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min of `waiting_weight` Q + A: waiting requests Q, running ones A. Ties follow `ties`; vLLM takes the first
 * from an offset that each of its front ends has of its own.
 *
 * Source: vLLM, vllm/v1/engine/core_client.py, the balancer of data-parallel ranks; commit not established.
 * O(backends).
 */
export const vllmDataParallel: RouterDefinition = defineRouter({
  name: 'vllm_data_parallel',
  description: 'Sends to the fewest requests, of which waiting ones count four times.',
  observes: ['queue lengths'],
  rule: 'Lowest waiting_weight x waiting + running.',
  terms: {
    waiting: 'Waiting requests.',
    running: 'Running requests.',
  },
  wins: 'Requests are alike and nothing is shared.',
  loses: 'Prompts share prefixes or differ much in length.',
  source: 'vllm-project/vllm, vllm/v1/engine/core_client.py',
  parameters: {
    waiting_weight: { default: 4, min: 0, description: 'Weight of a waiting request.' },
    ties: tiesParameter,
  },
  presets: {
    vllm_v1: {
      description: 'The first of equals; the offset of the front end is 0.',
      mirrors: 'vLLM V1; commit not established',
      parameters: { waiting_weight: 4, ties: 'first' },
    },
  },
  create: ({ waiting_weight, ties }) => {
    let costs = new Float64Array(0)
    return {
      route(_request, cluster) {
        const { columns, ids } = cluster
        costs = columnFor(costs, cluster)
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          costs[id] = waiting_weight * columns.waiting[id]! + columns.running[id]!
        }
        cluster.notes?.terms('waiting', columns.waiting)
        cluster.notes?.terms('running', columns.running)
        return leastOf(cluster, costs, ties)
      },
    }
  },
})
