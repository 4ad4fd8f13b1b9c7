import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

/**
 * min of `waiting_weight` (Q + c s) + A: waiting requests Q and running ones A by the latest metrics, s the requests that
 * it has sent there since, c = `clients`, the front ends that do the same. Ties follow `ties`; vLLM takes the first from
 * an offset that each of its front ends has of its own.
 *
 * Source: vLLM, vllm/v1/engine/core_client.py, the balancer of data-parallel ranks; commit not established.
 * O(backends).
 */
export const vllmDataParallel: RouterDefinition = defineRouter({
  name: 'vllm_data_parallel',
  description: 'Sends to the fewest requests, of which waiting ones count four times.',
  observes: ['queue lengths', 'own requests'],
  rule: 'Lowest waiting_weight x (waiting + clients x sent since the metrics) + running.',
  terms: {
    waiting: 'Waiting requests.',
    sent: 'Requests sent since the metrics, times clients.',
    running: 'Running requests.',
  },
  wins: 'Requests are alike and nothing is shared.',
  loses: 'Prompts share prefixes or differ much in length.',
  source: 'vllm-project/vllm, vllm/v1/engine/core_client.py',
  parameters: {
    waiting_weight: { default: 4, min: 0, description: 'Weight of a waiting request.' },
    clients: {
      default: 1,
      min: 0,
      integer: true,
      description:
        'Front ends that send alike: each request sent since the metrics counts so often.',
    },
    ties: tiesParameter,
  },
  presets: {
    vllm_v1: {
      description: 'The first of equals; the offset of the front end is 0.',
      mirrors: 'vLLM V1; commit not established',
      parameters: { waiting_weight: 4, ties: 'first' },
    },
  },
  create: ({ waiting_weight, clients, ties }) => {
    let costs = new Float64Array(0)
    let sent = new Float64Array(0)
    return {
      route(_request, cluster) {
        const { columns, ids } = cluster
        costs = columnFor(costs, cluster)
        sent = columnFor(sent, cluster)
        for (let i = 0; i < ids.length; i++) {
          const id = ids[i]!
          sent[id] = clients * columns.sentSinceSample[id]!
          costs[id] = waiting_weight * (columns.waiting[id]! + sent[id]!) + columns.running[id]!
        }
        cluster.notes?.terms('sent', sent)
        cluster.notes?.terms('waiting', columns.waiting)
        cluster.notes?.terms('running', columns.running)
        return leastOf(cluster, costs, ties)
      },
    }
  },
})
