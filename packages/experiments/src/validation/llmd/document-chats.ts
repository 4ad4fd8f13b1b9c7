import { simulate } from '@routesim/core'
import { radixKvCache } from '@routesim/hardware'
import { deployment } from '../deployment.js'
import { chatWorkload } from '../load-generator/chat-workload.js'
import { stageMetrics } from '../load-generator/stage-metrics.js'
import { unpredicted } from '../report/unpredicted-row.js'
import { rowsOf } from '../report/validation-row.js'
import type { PublishedRow } from '../validation-set.js'
import { type SignalAge, withAgedSignals } from './aged-signals.js'
import { type EndpointPickerOptions, endpointPicker } from './endpoint-picker.js'

/** The workload and policies as `workloads.json` describes them in words; a question is as long as its answer. */
const CHATS = {
  chats: 192,
  turns: 6,
  atOnce: 128,
  privateTokens: 48 * 1024,
  answerTokens: 256,
  answers: 'equal',
} as const
const PODS = 14
const POLICIES: Readonly<Record<string, EndpointPickerOptions>> = {
  affinity: { weights: { prefix: 1 }, prefix: 'engine' },
  load: { weights: { queue: 1, kv: 1 } },
  precise: { weights: { prefix: 3, queue: 2, kv: 2, noHitLru: 2 }, prefix: 'engine' },
}

const NO_PULL = 'backends do not pull KV caches from each other'
const NO_RATE = 'its rates are not given'
const PLACE = { set: 'llmd_routing', experiment: 'gptoss120b_h200_p2p_policies' } as const

/** Chats over private documents on gpt-oss-120b, and what stands beside them without rates. */
export function documentChats(workloads: unknown, age: SignalAge): PublishedRow[] {
  const entry = fieldsOf(fieldsOf(workloads)[PLACE.experiment])
  const policies = Object.keys(fieldsOf(entry['policies']))
  return Object.keys(fieldsOf(entry['workloads'])).flatMap((stage) =>
    policies.flatMap((policy): PublishedRow[] => {
      const place = { ...PLACE, policy, stage }
      if (stage !== 'docqa') return unpredicted(place, NO_RATE)
      const options = POLICIES[policy]
      return options === undefined
        ? unpredicted(place, NO_PULL)
        : rowsOf(place, predictChats(policy, options, age))
    }),
  )
}

function predictChats(policy: string, options: EndpointPickerOptions, age: SignalAge) {
  const { backend, engine } = deployment({
    model: 'gpt-oss-120b',
    gpu: 'H200',
    tp: 1,
    engine: 'vllm',
    kvTokens: 1_220_000,
    blockTokens: 64,
  })
  const requests = chatWorkload({ ...CHATS, systemTokens: 0, messageTokens: CHATS.answerTokens }, 1)
  const run = simulate({
    cluster: {
      backends: Array.from({ length: PODS }, () => backend),
      kvCache: radixKvCache({ prefixCaching: true }),
    },
    requests,
    router: withAgedSignals(endpointPicker(policy, options, requests), age),
    seed: 1,
    maxInFlight: CHATS.atOnce,
  })
  return stageMetrics(run, 0, requests.size, {
    frontEndMs: engine.frontEndMs,
    countedTokenShare: 1,
  })
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
