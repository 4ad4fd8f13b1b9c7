import type { BackendView } from '@routesim/core'
import { defineRouter, type RouterDefinition } from '../definition/define-router.js'
import { WindowCounts } from '../load/window-counts.js'
import { columnFor } from '../pickers/column.js'
import { leastOf } from '../pickers/pick.js'
import { tiesParameter } from '../pickers/ties.js'

const MS_PER_MINUTE = 60_000

/**
 * min(requests / requests that ended there within a minute, 1 if none did), then `ties`. Of RouteSim's own are `kv_ties`,
 * by which the smallest share of KV blocks in use decides before `ties`, and `imbalance`: when the most and the fewest
 * requests differ by more, only backends with the fewest are candidates.
 *
 * Source: vllm-project/aibrix, pkg/plugins/gateway/algorithms/load_balance.go at 01de8a5, which has neither; its pull
 * request 2365 tells of both. O(backends).
 */
export const aibrixLoadBalance: RouterDefinition = defineRouter({
  name: 'aibrix_load_balance',
  description:
    'Sends to the backend that would be done with its requests soonest at its latest pace.',
  observes: ['queue lengths', 'kv usage', 'own requests', 'time'],
  rule: 'Lowest requests / requests of this router that ended there in the last minute, at least 1. Where kv_ties is set, the lowest KV usage of equals; past an imbalance, where one is set, only the least loaded compete.',
  terms: {
    requests: 'Requests on it.',
    ended_per_minute: 'Requests of this router that ended there in the last minute, at least 1.',
  },
  wins: 'Backends differ in speed, and each has ended enough requests for its pace to be known.',
  loses: 'Lengths differ much: who ends many short requests looks fast.',
  source: 'vllm-project/aibrix, pkg/plugins/gateway/algorithms/load_balance.go at 01de8a5',
  parameters: {
    window_sec: {
      default: 60,
      min: 0.001,
      description: 'How long an ended request counts.',
    },
    imbalance: {
      default: 0,
      min: 0,
      description:
        "Difference of requests above which only the least loaded compete; 0 for none, as in AIBrix's file.",
    },
    kv_ties: {
      default: false,
      description:
        "Whether the lowest KV usage decides between equals, before ties does; not in AIBrix's file.",
    },
    ties: tiesParameter,
  },
  presets: {
    load_balance: {
      description:
        'As merged in the middle of 2026: no gate, and equals at random. Later versions weigh by output tokens per second and KV usage and stand behind a gate, which are not mirrored.',
      mirrors: 'AIBrix, load-balance, pkg/plugins/gateway/algorithms/load_balance.go at 01de8a5',
      parameters: { imbalance: 0, kv_ties: false, ties: 'random' },
    },
  },
  create: ({ window_sec, imbalance, kv_ties, ties }) => {
    const ended = new WindowCounts(window_sec * 1000)
    const perMinute = MS_PER_MINUTE / (window_sec * 1000)
    let costs = new Float64Array(0)
    let endedPerMinute = new Float64Array(0)
    return {
      route(_request, cluster) {
        const { columns, ids, notes, nowMs } = cluster
        const { outstanding, waiting, maxQueueDepth } = columns
        costs = columnFor(costs, cluster)
        endedPerMinute = columnFor(endedPerMinute, cluster)
        ended.reserve(costs.length)
        ended.expire(nowMs)
        const { counts } = ended
        const pace = endedPerMinute
        const column = costs
        const size = ids.length
        let fewest = Number.POSITIVE_INFINITY
        let most = 0
        for (let i = 0; i < size; i++) {
          const id = ids[i]!
          if (waiting[id]! >= maxQueueDepth[id]!) continue
          const requests = outstanding[id]!
          if (requests < fewest) fewest = requests
          if (requests > most) most = requests
        }
        const isUneven = imbalance > 0 && most - fewest > imbalance
        const limit = isUneven ? fewest : most
        let least = Number.POSITIVE_INFINITY
        let tied = 0
        for (let i = 0; i < size; i++) {
          const id = ids[i]!
          const requests = outstanding[id]!
          const count = counts[id]!
          const rate = count === 0 ? 1 : count * perMinute
          pace[id] = rate
          const isKept = requests <= limit && waiting[id]! < maxQueueDepth[id]!
          const cost = isKept ? requests / rate : Number.POSITIVE_INFINITY
          column[id] = cost
          if (cost > least) continue
          tied = cost === least ? tied + 1 : 1
          least = cost
        }
        const isByKv = kv_ties && tied > 1 && least < Number.POSITIVE_INFINITY
        notes?.branch(isUneven ? 'out of balance' : isByKv ? 'by KV usage' : 'by pace')
        notes?.terms('requests', outstanding)
        notes?.terms('ended_per_minute', endedPerMinute)
        if (isByKv) {
          const usages = cluster.kvUsages()
          for (let i = 0; i < size; i++) {
            const id = ids[i]!
            column[id] = column[id] === least ? usages[id]! : Number.POSITIVE_INFINITY
          }
        }
        return leastOf(cluster, costs, ties)
      },
      onFinished(_request, { id }: BackendView, { nowMs }) {
        ended.add(id, nowMs)
      },
    }
  },
})
