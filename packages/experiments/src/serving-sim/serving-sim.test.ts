import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readInstances } from './instances.js'
import { scheduling } from './policies.js'
import { queueStates } from './queue-states.js'
import { requestStates } from './request-states.js'
import { type ServingSimOptions, type ServingSimRun, servingSim } from './serving-sim.js'
import { instanceDefaults } from './to-config.js'

const axes: ServingSimOptions['axes'] = {
  lambdaArrival: [1.5],
  prefillGlobal: ['lowest_load'],
  prefillLocal: ['fcfs'],
  decodeGlobal: ['lowest_load'],
  decodeLocal: ['fcfs'],
  ttftSlo: [10],
  tpotSlo: [0.5],
}

const options: ServingSimOptions = {
  axes,
  traffic: {
    source: 'zipfian',
    tracePath: '',
    requestCount: 400,
    zipfS: 1.2,
    lognormalMean: 9,
    seed: 3,
  },
  model: 'unsloth/Llama-3.3-70B-Instruct',
  kvTransfer: { gbPerSec: 1, contention: 'none', overlap: 'none', decodeDecision: 'hand_over' },
  jobs: 1,
}

async function singleRun(changed: Partial<ServingSimOptions['axes']>): Promise<ServingSimRun> {
  const runs: ServingSimRun[] = []
  await servingSim({
    ...options,
    axes: { ...axes, ...changed },
    perRequest: true,
    onRun: (run) => runs.push(run),
  })
  return runs[0]!
}

test('each of several combinations that simulate the same is told when it is over', async () => {
  const told: ServingSimRun[] = []
  const { rows } = await servingSim({
    ...options,
    axes: { ...axes, prefillLocal: ['milp', 'max-on-time'] },
    traffic: { ...options.traffic, requestCount: 20 },
    onRun: (run) => told.push(run),
  })
  expect(rows).toHaveLength(2)
  expect(told.map(({ index }) => index)).toEqual([0, 1])
})

const LOCAL = ['fcfs', 'shortest', 'random', 'hrrn', 'lottery', 'priority', 'milp', 'max-on-time']

test.each(LOCAL)('local policy %s orders prefill and decode queues', async (name) => {
  const { requests, result } = await singleRun({ prefillLocal: [name], decodeLocal: [name] })
  expect(result.completed_requests + result.rejected_requests).toBe(400)
  expect(requests!.outcomes.prefillBackend.every((id) => id >= -1 && id < 4)).toBe(true)
})

test.each([
  'random',
  'round_robin',
  'lowest_load',
  'power-of-two',
  'prefix_aware:cache_weight=0.5',
])('router %s chooses where to prefill and where to decode', async (name) => {
  const { result } = await singleRun({ prefillGlobal: [name], decodeGlobal: [name] })
  expect(result.algorithm).toBe(`${name}+${name}`)
  expect(result.per_backend.map(({ role }) => role).join()).toBe(
    'prefill,prefill,prefill,prefill,decode,decode,decode,decode',
  )
})

test('each pool has the router that its flag names', async () => {
  const { requests, result } = await singleRun({ decodeGlobal: ['round_robin'] })
  const { backend, outcome } = requests!.outcomes
  const sent = Array.from(backend).filter((_, row) => outcome[row] === 1 && backend[row]! >= 4)
  const counts = [4, 5, 6, 7].map((id) => sent.filter((to) => to === id).length)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(0.1 * sent.length)
  expect(result.algorithm).toBe('lowest_load+round_robin')
})

test('with too much to do, max-on-time is on time more often than first come, first served', async () => {
  const onTime = async (name: string): Promise<number> => {
    const { result } = await singleRun({ lambdaArrival: [20], prefillLocal: [name] })
    return result.slo!.ttft_attainment!
  }
  expect(await onTime('milp')).toBeGreaterThan(await onTime('fcfs'))
})

test('names of policies, and deadlines from the promised time to first token', () => {
  expect(scheduling('milp', 2.5)).toBe('max_on_time:slo_ms=2500')
  expect(scheduling('max-on-time:slo_ms=7', 2.5)).toBe('max-on-time:slo_ms=7')
  expect(scheduling('random', 1)).toBe('lottery:tickets=equal')
  expect(scheduling('shortest', 1)).toBe('shortest')
  expect(() => scheduling('shortes', 1)).toThrow('unknown local policy "shortes"')
})

test('states of a request follow one another, and its KV cache takes its bytes over the bandwidth', async () => {
  const run = await singleRun({})
  let sent = 0
  for (const row of requestStates(run.requests!, run.prefillInstances)) {
    if (row.outcome !== 'completed' || row.kv_transmission_finish === null) continue
    sent++
    const times = [
      row.arrival,
      row.prefill_start,
      row.prefill_finish,
      row.kv_transmission_start,
      row.kv_transmission_finish,
      row.decode_finish,
    ] as number[]
    expect(times.toSorted((a, b) => a - b)).toEqual(times)
    // 327,680 bytes per token at 10^9 bytes per second.
    const took = row.kv_transmission_finish - row.kv_transmission_start!
    expect(took).toBeCloseTo(row.input_length * 327_680e-9, 9)
    expect(row.decode_instance).toBeLessThan(4)
  }
  expect(sent).toBeGreaterThan(300)
})

test('queue states: those who came and were not admitted, whenever one is', async () => {
  const { requests: run } = await singleRun({ lambdaArrival: [20] })
  const { outcomes, sentMs, requests } = run!
  const rows = [...queueStates(run!, 1, 10_000)]
  expect(rows.some(({ indices }) => JSON.parse(indices).length > 3)).toBe(true)
  for (const { timestamp, instance_id, indices, input_lengths, deadlines } of rows) {
    const nowMs = timestamp * 1000
    const waiting = Array.from(outcomes.admittedMs.keys()).filter(
      (row) =>
        outcomes.prefillBackend[row] === instance_id &&
        sentMs[row]! <= nowMs + 1e-6 &&
        outcomes.admittedMs[row]! >= nowMs - 1e-6,
    )
    expect(JSON.parse(indices)).toEqual(waiting)
    expect(JSON.parse(input_lengths)).toEqual(waiting.map((row) => requests.promptTokens[row]))
    const due = (JSON.parse(deadlines) as number[])[0]!
    expect(due).toBeCloseTo((sentMs[waiting[0]!]! + 10_000 - nowMs) / 1000, 6)
  }
  const some = [...queueStates(run!, 0.2, 10_000)]
  expect(some).toEqual([...queueStates(run!, 0.2, 10_000)])
  expect(some.length).toBeLessThan(rows.length / 2)
})

test('instances of a file become groups of backends', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'routesim-')), 'prefill.json')
  const write = (value: unknown): void => writeFileSync(path, JSON.stringify(value))
  const defaults = instanceDefaults('meta-llama/Llama-3.1-8B')
  const small = { hardware: 'NVIDIA_A100', tp_size: 2 }
  write([small, small, { hardware: 'NVIDIA_H100_SXM', max_num_seqs: 1 }])
  const groups = await readInstances(path, 'prefill', defaults)
  expect(groups).toEqual([
    { ...defaults, gpu_type: 'A100 40GB', tp: 2, role: 'prefill', count: 2 },
    { ...defaults, gpu_type: 'H100 SXM', max_num_seqs: 1, role: 'prefill', count: 1 },
  ])
  const mistakes = [
    [[{ ...small, tp_sise: 3 }], 'instance 0: tp_sise: unknown key; did you mean "tp_size"?'],
    [[{ tp_size: 3 }], 'instance 0: hardware: expected the name of a GPU, got undefined'],
    [[small, { ...small, tp_size: 0 }], 'cluster.backends.1.tp: expected an integer >= 1'],
    [[{ ...small, role: 'decode' }], 'instance 0: role: unknown key'],
    [[], 'expected a list of instances, got an empty list'],
  ] as const
  for (const [value, message] of mistakes) {
    write(value)
    await expect(readInstances(path, 'prefill', defaults)).rejects.toThrow(message)
  }
  const folder = readInstances(dirname(path), 'prefill', defaults)
  await expect(folder).rejects.toThrow(/: expected a file, got a directory$/)
})
