import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from '../run/compare.js'
import { idleSettings } from './idle-settings.js'

const CLUSTER = '[cluster]\nnum_backends = 4\n'
const GROUPS = '[[cluster.backends]]\nprecision = "fp8"\n[[cluster.backends]]\n'
const notesOf = (config: string): string[] => idleSettings(parseConfig(config))

test('a GPU type without a model is there for the price, unless it is held against another', () => {
  const config = parseConfig(`${CLUSTER}gpu_type = "T4"`)
  expect(idleSettings(config)).toEqual([])
  expect(idleSettings(config, ['trace.rate', 'cluster.gpu_type'])).toEqual([
    'cluster.gpu_type has no effect but on the price without a model',
  ])
})

test.each([
  [
    `${CLUSTER}disaggregated = { prefill_backends = 1, kv_transfer_latency_us = 9 }`,
    'cluster.disaggregated.prefill_backends and cluster.disaggregated.kv_transfer_latency_us have no effect without enabled = true',
  ],
  [`${CLUSTER}precision = "fp8"`, 'cluster.precision has no effect without a model'],
  [
    `${CLUSTER}gpu = "L4"\ntp = 8`,
    'cluster.gpu and cluster.tp have no effect but on the price without a model',
  ],
  [GROUPS, 'cluster.precision has no effect without a model'],
  [
    `${CLUSTER}kv_offload = { cpu_latency_us = 3, disk_gb = 9, disk_latency_us = 3 }`,
    'cluster.kv_offload.cpu_latency_us has no effect without cpu_gb or cpu_blocks',
  ],
  [
    `${CLUSTER}kv_offload = { cpu_blocks = 3, disk_latency_us = 3 }`,
    'cluster.kv_offload.disk_latency_us has no effect without disk_gb or disk_blocks',
  ],
  [`${CLUSTER}lora = { rank = 8 }`, 'cluster.lora.rank has no effect without max_loras'],
  [
    `${CLUSTER}[visibility]\nmetrics = "live"\nmetrics_interval_ms = 9`,
    'visibility.metrics_interval_ms has no effect without metrics = "polled"',
  ],
  [
    `${CLUSTER}[visibility]\nprofile = "sglang"\nkv_event_loss = 0.1`,
    'visibility.kv_event_loss has no effect without prefixes = "kv_events"',
  ],
  [
    `${CLUSTER}[visibility]\nrouter_sync_ms = 9`,
    'visibility.router_sync_ms has no effect without several routers',
  ],
])('a setting that changes nothing is told: %j', (config, note) => {
  expect(notesOf(config)).toEqual([note])
})

test.each([
  CLUSTER,
  `${CLUSTER}model = "llama-3.1-8b"\nprecision = "fp8"\nlora = { max_loras = 4, rank = 8 }`,
  `${CLUSTER}disaggregated = { enabled = true, prefill_backends = 1, decode_backends = 3 }`,
  `${CLUSTER}disaggregated = { num_layers = 32 }`,
  `${CLUSTER}[visibility]\nprofile = "llm-d"\nmetrics_drop = 0.5\nkv_event_delay_ms = 9`,
  `${CLUSTER}[visibility]\nmetrics_interval_ms = 9\nrouters = 2\nrouter_sync_ms = 9`,
  `${GROUPS}model = "llama-3.1-8b"\nprecision = "fp8"`,
])('nothing is told of what counts: %j', (config) => {
  expect(notesOf(config)).toEqual([])
})

test('a comparison tells it, also without per-request data', async () => {
  const config = parseConfig(`${CLUSTER}lora = { rank = 8 }\n[trace]\nrate = 5\nduration_sec = 4`)
  const notes = async (perRequest: boolean): Promise<readonly string[]> =>
    (await compare({ config, algorithms: ['random'], perRequest })).scenario.notes
  const note = 'cluster.lora.rank has no effect without max_loras'
  expect(await notes(true)).toContain(note)
  expect(await notes(false)).toContain(note)
})
