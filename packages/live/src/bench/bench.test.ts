import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leastOutstanding } from '@routesim/algorithms'
import { pagedKvCache } from '@routesim/hardware'
import { afterEach, expect, test } from 'vitest'
import { algorithmFile } from '../testing/algorithm-file.js'
import { LiveFleet, TEST_SPEC } from '../testing/live-fleet.js'
import { tokensOfText } from '../tokens/prompt-tokens.js'
import { twin } from '../twin/twin.js'
import { runLoad, StreamedAnswer } from './load-client.js'
import { combineMetrics, isOnSchedule, loadMetrics } from './load-metrics.js'
import { prefixRatioBench } from './prefix-ratio-bench.js'
import { PromptContents } from './prompt-contents.js'
import type { BenchTarget } from './run-bench.js'
import { runBench } from './run-bench.js'
import { syntheticWorkload } from './synthetic-workload.js'

const fleet = new LiveFleet()
afterEach(() => fleet.close())

const SYNTHETIC = {
  requests: 40,
  isl: 400,
  osl: 8,
  prefixRatio: 0.5,
  numPrefixPrompts: 3,
  lengthSpread: 0.25,
  seed: 7,
}

const simulated: BenchTarget = {
  kind: 'simulated',
  cluster: { backends: [TEST_SPEC, TEST_SPEC], kvCache: pagedKvCache() },
  router: () => leastOutstanding.create(),
}

test('the synthetic workload has the lengths and the sharing that were asked for', () => {
  const table = syntheticWorkload({ ...SYNTHETIC, requests: 4000 })
  const mean = (column: Int32Array): number => column.reduce((a, b) => a + b, 0) / column.length
  expect(mean(table.promptTokens)).toBeCloseTo(400, -1)
  expect(mean(table.outputTokens)).toBeCloseTo(8, 0)
  expect(new Set(table.promptNode).size).toBe(3)
  expect(new Set(table.prefixTokens)).toEqual(new Set([200]))
  expect(syntheticWorkload({ ...SYNTHETIC, prefixRatio: 1 }).promptTokens[0]).toBe(400)
  const paced = syntheticWorkload({
    ...SYNTHETIC,
    arrivals: { rateRps: 50, pattern: 'constant' },
  })
  expect(paced.arrivalMs[39]).toBeCloseTo(39 * 20, 6)
})

test('a simulated load is sent at its times of arrival, as a live one is, whatever requests wait for', async () => {
  const turns = syntheticWorkload({ ...SYNTHETIC, requests: 3 })
  const requests = { ...turns, predecessor: Int32Array.of(-1, 0, 1), thinkMs: new Float64Array(3) }
  const { runs } = await runBench({
    ...{ target: simulated, workload: () => requests, requests: 3, concurrency: undefined },
    ...{ isOpenLoop: true, speedup: 1, seed: 7, inputConfig: {} },
  })
  expect(runs[0]!.measurements.map(({ sentMs }) => sentMs)).toEqual([0, 0, 0])
})

test('prompts have the tokens of their lengths, and share what their paths share', () => {
  const table = syntheticWorkload(SYNTHETIC)
  const contents = new PromptContents(table, 1)
  for (let row = 0; row < table.size; row++) {
    const text = contents.text(row)
    expect(contents.tokens(row)).toEqual([...tokensOfText(text)])
    expect(contents.tokens(row).length).toBe(table.promptTokens[row])
    const other = contents.text(0)
    const isSame = table.promptNode[row] === table.promptNode[0]
    expect(text.slice(0, 800) === other.slice(0, 800)).toBe(isSame)
    if (row > 0) expect(text.slice(800, 860)).not.toBe(other.slice(800, 860))
  }
  expect(new PromptContents(table, 2).text(0)).not.toBe(contents.text(0))
})

test('a stream is read whatever the pieces it comes in', () => {
  const stream =
    'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\ndata: {"choices":[{"delta":{"content":"é a"}}]}\r\n\r\n: comment\n\ndata: {"choices":[{"delta":{"content":"b"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
  const bytes = Buffer.from(stream)
  for (let size = 1; size < 40; size++) {
    const answer = new StreamedAnswer()
    for (let at = 0; at < bytes.length; at += size) answer.take(bytes.subarray(at, at + size), at)
    expect([answer.chunks, answer.isWhole, answer.usage?.completion_tokens]).toEqual([2, true, 2])
    expect(answer.firstMs).toBeLessThan(answer.lastMs)
  }
})

test('what a model thinks is part of its answer, under either name and beside an empty content', () => {
  const deltas = [
    { role: 'assistant', content: '' },
    { content: '', reasoning: 'hm' },
    { content: '', reasoning_content: 'hm' },
    { content: null, reasoning: 'hm' },
    { content: 'yes', reasoning: '' },
  ]
  const answer = new StreamedAnswer()
  for (const [i, delta] of deltas.entries())
    answer.take(Buffer.from(`data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`), i)
  expect([answer.chunks, answer.firstMs, answer.lastMs]).toEqual([4, 1, 4])
})

test('a request whose stream tells of an error has failed', async () => {
  const events = ['{"choices":[{"text":"a"}]}', '{"error":{"message":"x","code":500}}', '[DONE]']
  const { workers } = await fleet.rawWorker(200, ...events.map((data) => `data: ${data}\n\n`))
  const { url } = workers[0]!
  const { measurements } = await runLoad({
    ...{ url, requests: syntheticWorkload({ ...SYNTHETIC, requests: 1 }), seed: 1 },
    ...{ endpoint: 'completions', sendsIds: true, model: 'mock', timeoutMs: 10_000 },
    ...{ isOpenLoop: false, speedup: 1 },
  })
  expect(measurements.map(({ error }) => error)).toEqual(['error event'])
})

test('metrics are those of their definitions', () => {
  const one = {
    row: 0,
    scheduledMs: 0,
    sentMs: 10,
    firstTokenMs: 60,
    secondTokenMs: 80,
    endMs: 160,
    promptTokens: 100,
    outputTokens: 6,
    cachedTokens: 64,
    error: undefined,
  }
  const failed = { ...one, row: 2, endMs: 9000, error: 'ECONNRESET' }
  const second = { ...one, row: 1, sentMs: 60, firstTokenMs: 160, secondTokenMs: 170, endMs: 210 }
  const metrics = loadMetrics({ measurements: [one, second, failed], target: '', startedMs: 0 })
  expect(metrics['time_to_first_token']).toMatchObject({
    avg: 75,
    min: 50,
    max: 100,
    p50: 75,
    std: 25,
  })
  expect(metrics['inter_token_latency']).toMatchObject({ avg: 15, p25: 12.5 })
  expect(metrics['request_throughput']!.avg).toBe(10)
  expect(metrics['output_token_throughput']!.avg).toBe(60)
  expect(metrics['schedule_lag']).toMatchObject({ min: 10, max: 60 })
  expect([metrics['request_count']!.avg, metrics['error_request_count']!.avg]).toEqual([2, 1])
})

test('the prefix-ratio sweep writes what the script writes, simulated and live alike', async () => {
  const mocks = await fleet.workers(2, { speedup: 4 })
  const router = await fleet.router([mocks], { algorithm: 'least_outstanding' })
  const live: BenchTarget = {
    kind: 'live',
    urls: [router.url, router.url],
    model: 'mock',
    endpoint: 'chat',
    sendsIds: false,
    timeoutMs: 60_000,
  }
  const folder = mkdtempSync(join(tmpdir(), 'routesim-bench-'))
  const summaries = []
  for (const target of [live, simulated]) {
    const outputDir = join(folder, target.kind)
    summaries.push(
      await prefixRatioBench({
        ...SYNTHETIC,
        target,
        outputDir,
        prefixRatios: [0.2, 0.8],
        concurrency: 4,
        model: 'mock',
        label: target.kind,
      }),
    )
    const run = join(
      outputDir,
      target.kind === 'live' ? 'prefix_ratio_0.8_seed_8_url_1' : 'prefix_ratio_0.8_seed_8',
    )
    const json = JSON.parse(readFileSync(join(run, 'profile_export_aiperf.json'), 'utf8'))
    expect(json.time_to_first_token).toMatchObject({ unit: 'ms', p99: expect.any(Number) })
    expect(json.request_count.avg).toBe(target.kind === 'live' ? 20 : 40)
    expect(readFileSync(join(run, 'profile_export_aiperf.csv'), 'utf8')).toMatch(
      /^Metric,avg,min,max,p1,.*\nTime to First Token \(ms\),\d[\s\S]*\nRequest Count,\d/,
    )
    const lines = readFileSync(join(run, 'profile_export.jsonl'), 'utf8').trim().split('\n')
    expect(JSON.parse(lines[0]!)).toMatchObject({
      metadata: { session_num: 0, worker_id: 'routesim', benchmark_phase: 'profiling' },
      metrics: { request_latency: { unit: 'ms' } },
    })
  }
  expect(summaries.map(({ errors }) => errors)).toEqual([
    [0, 0],
    [0, 0],
  ])
  for (const { prefix_ratios, ttft_values, throughput_values } of summaries) {
    expect(prefix_ratios).toEqual([0.2, 0.8])
    expect(Math.min(...ttft_values, ...throughput_values)).toBeGreaterThan(0)
  }
})

test('a ratio that is stopped amid its requests has no place among the results', async () => {
  const mocks = await fleet.workers(1)
  const stop = new AbortController()
  const outputDir = mkdtempSync(join(tmpdir(), 'routesim-bench-'))
  const target: BenchTarget = {
    ...{ kind: 'live', urls: [mocks.workers[0]!.url], model: 'mock', endpoint: 'completions' },
    ...{ sendsIds: true, timeoutMs: 60_000 },
  }
  const summary = await prefixRatioBench({
    ...{ ...SYNTHETIC, target, outputDir, prefixRatios: [0.2, 0.5, 0.8], concurrency: 4 },
    ...{ model: 'mock', label: 'stopped', signal: stop.signal },
    onRatio: (ratio) => {
      if (ratio === 0.2) setTimeout(() => stop.abort(), 1)
    },
  })
  expect(summary).toMatchObject({ prefix_ratios: [0.2], errors: [0] })
  expect(summary.ttft_values).toHaveLength(1)
})

test('several servers: averages are averaged, rates add up, quantiles are of all requests', () => {
  const run = (lagMs: number, ttftMs: number, count: number) => ({
    target: '',
    startedMs: 0,
    measurements: Array.from({ length: count }, (_, row) => ({
      row,
      scheduledMs: 0,
      sentMs: lagMs,
      firstTokenMs: lagMs + ttftMs,
      secondTokenMs: Number.NaN,
      endMs: lagMs + 1000,
      promptTokens: 10,
      outputTokens: 1,
      cachedTokens: 0,
      error: undefined,
    })),
  })
  const metrics = combineMetrics([run(0, 10, 3), run(50, 30, 1)])
  expect(metrics['time_to_first_token']).toMatchObject({ avg: 20, p50: 10, max: 30 })
  expect(metrics['request_throughput']!.avg).toBe(4)
  expect(metrics['schedule_lag']!.max).toBe(50)
  expect(isOnSchedule(metrics)).toBe(false)
})

test('a stopped load sends no more, at once, and says so', async () => {
  const mocks = await fleet.workers(1)
  const stop = new AbortController()
  const table = syntheticWorkload({
    ...SYNTHETIC,
    arrivals: { rateRps: 0.01, pattern: 'constant' },
  })
  const options = {
    url: mocks.workers[0]!.url,
    endpoint: 'completions',
    sendsIds: true,
    model: 'mock',
    speedup: 1,
    seed: 1,
    timeoutMs: 10_000,
    signal: stop.signal,
    onProgress: () => stop.abort(),
  } as const
  const run = await runLoad({ ...options, requests: table, isOpenLoop: true })
  expect([run.measurements.length, run.wasCancelled]).toEqual([1, true])

  // Stopped when all were sent, it is whole.
  const late = new AbortController()
  const whole = await runLoad({
    ...options,
    requests: table,
    isOpenLoop: false,
    signal: late.signal,
    onProgress: (ended) => ended === table.size && late.abort(),
  })
  expect([whole.measurements.length, whole.wasCancelled]).toEqual([table.size, false])
})

test('in a closed loop a request is late by the time its place stood empty', async () => {
  const mocks = await fleet.workers(1)
  const table = syntheticWorkload(SYNTHETIC)
  let ended = 0
  const { measurements } = await runLoad({
    url: mocks.workers[0]!.url,
    requests: table,
    endpoint: 'completions',
    sendsIds: true,
    model: 'mock',
    concurrency: 2,
    isOpenLoop: false,
    speedup: 1,
    seed: 1,
    timeoutMs: 10_000,
    onProgress: () => {
      // A client that is busy with other things now and then.
      const until = ++ended % 10 === 0 ? performance.now() + 60 : 0
      while (performance.now() < until);
    },
  })
  const lag = measurements.map(({ sentMs, scheduledMs }) => sentMs - scheduledMs)
  expect(lag.filter((ms) => ms >= 59).length).toBeGreaterThanOrEqual(3)
  expect(Math.min(...lag)).toBeGreaterThanOrEqual(0)
})

test('a slow client is not mistaken for a slow server', async () => {
  const mocks = await fleet.workers(1)
  const table = syntheticWorkload({
    ...SYNTHETIC,
    arrivals: { rateRps: 400, pattern: 'constant' },
  })
  const { metrics } = await runBench({
    target: {
      kind: 'live',
      urls: [mocks.workers[0]!.url],
      model: 'mock',
      endpoint: 'completions',
      sendsIds: true,
      timeoutMs: 60_000,
    },
    workload: () => table,
    requests: table.size,
    // One at a time can not keep up with the schedule.
    concurrency: 1,
    isOpenLoop: true,
    speedup: 1,
    seed: 1,
    inputConfig: {},
  })
  expect(metrics['schedule_lag']!.p99).toBeGreaterThan(500)
  expect(metrics['time_to_first_token']!.p50).toBeLessThan(200)
})

test('live and simulated agree where the machine is not the limit', async () => {
  const spec = { ...TEST_SPEC, latency: slowLatency() }
  const report = await twin({
    cluster: { backends: [spec, spec], kvCache: pagedKvCache() },
    prefixCaching: true,
    algorithm: 'round_robin',
    kvIndex: 'none',
    metricsIntervalMs: 0,
    requests: syntheticWorkload({
      ...SYNTHETIC,
      requests: 60,
      osl: 20,
      arrivals: { rateRps: 12, pattern: 'poisson' },
    }),
    isOpenLoop: true,
    pace: 0.5,
    seed: 1,
    model: 'mock',
  })
  const figure = (name: string) => report.figures.find(({ metric }) => metric === name)!
  expect(report.live.measurements.filter(({ error }) => error !== undefined)).toEqual([])
  // What is cached does not depend on the machine, nor does the number of tokens.
  expect(Math.abs(figure('usage_prompt_cache_read_tokens').difference)).toBeLessThan(0.2)
  expect(figure('request_latency').live).toBeGreaterThan(0.8 * figure('request_latency').simulated)
  expect(Math.abs(figure('request_throughput').difference)).toBeLessThan(0.1)
})

test.each([
  ['none', 'throw new Error("a match that live nobody could know of")'],
  ['events', ''],
] as const)('twin: simulated, the router sees what it sees live: %s', async (kvIndex, onMatch) => {
  const algorithm = algorithmFile(`{
    name: 'own',
    route: (request, cluster) => {
      if (cluster.backends.some(({ sentSinceSample }) => sentSinceSample > 0))
        throw new Error('an age of metrics without metrics')
      if (Array.from(cluster.prefixMatch(request)).some((tokens) => tokens > 0)) { ${onMatch} }
      const [{ waiting, running, outstanding, pendingPromptTokens }] = cluster.backends
      if (waiting + running !== outstanding || (waiting > 0) !== (pendingPromptTokens > 0))
        throw new Error('a queue that live nobody could know of')
      return cluster.backends[0]
    },
  }`)
  const { live, simulated } = await twin({
    cluster: { backends: [{ ...TEST_SPEC, latency: slowLatency() }], kvCache: pagedKvCache() },
    prefixCaching: true,
    algorithm,
    kvIndex,
    metricsIntervalMs: 0,
    requests: syntheticWorkload({
      ...SYNTHETIC,
      requests: 20,
      osl: 4,
      arrivals: { rateRps: 100, pattern: 'poisson' },
    }),
    isOpenLoop: true,
    pace: 1,
    seed: 1,
    model: 'mock',
  })
  for (const { measurements } of [live, simulated]) {
    expect(measurements).toHaveLength(20)
    expect(measurements.filter(({ error }) => error !== undefined)).toEqual([])
  }
  // There is something to match.
  expect(simulated.measurements.some(({ cachedTokens = 0 }) => cachedTokens > 0)).toBe(true)
})

function slowLatency() {
  const name = 'slow'
  const stepMs = (): number => 20
  return {
    name,
    stepMs,
    segment: (_: unknown, out: { baseMs: number; slopeMs: number; steps: number }) => {
      out.baseMs = 20
      out.slopeMs = 0
      out.steps = Number.POSITIVE_INFINITY
    },
  }
}
