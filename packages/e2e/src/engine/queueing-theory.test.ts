// Traffic for which queueing theory has an answer on paper: an oracle that shares no line with the engine.
import { builtinRouters, findLocalPolicy, findRouter, gate } from '@routesim/algorithms'
import {
  type BackendSpec,
  NO_NODE,
  OUTCOME,
  RandomStream,
  type RequestTable,
  RequestTableBuilder,
  type RoutingAlgorithm,
  type RunResult,
} from '@routesim/core'
import { affineLatency } from '@routesim/hardware'
import { percentile } from '@routesim/metrics'
import { generateTrace } from '@routesim/traces'
import { describe, expect, test } from 'vitest'
import { backend, pairsInTurn, tinyRun } from '../testing/tiny-run.js'

/** Every step takes 1 ms whatever is in it: a request holds its slot for as many ms as it has tokens. */
const slots = (count: number): BackendSpec => server(count, 1, 0)
/** A step takes 1 ms per decode: requests share the processor, and wait for nobody. */
const shared: BackendSpec = server(256, 1e-6, 1)

function server(maxNumSeqs: number, baseMs: number, decodeMsPerRequest: number): BackendSpec {
  const latency = affineLatency({
    baseMs,
    decodeMsPerRequest,
    prefillMsPerToken: 0,
    decodeMsPerContextToken: 0,
  })
  return backend({ latency, maxNumSeqs, maxQueueDepth: 1e6, kv: { blocks: 1e6, blockTokens: 16 } })
}

/** One prompt at a time, a ms per token. */
const prompts: BackendSpec = {
  ...slots(1),
  latency: affineLatency({
    baseMs: 0,
    prefillMsPerToken: 1,
    decodeMsPerRequest: 1,
    decodeMsPerContextToken: 0,
  }),
}

/** Mean service time of a request with lengths as below, in ms. */
const MEAN_MS = 200

/** Lengths in tokens whose means are all the same. */
const LENGTHS = {
  fixed: () => MEAN_MS,
  /** Exponential, rounded up: half a token more in the mean. */
  exponential: (random: RandomStream) => Math.ceil(random.exponential(MEAN_MS - 0.5)),
  /** Many short answers and some of eleven times their length. */
  mixed: (random: RandomStream) => (random.float() < 0.9 ? MEAN_MS / 2 : 5.5 * MEAN_MS),
}

/** Poisson arrivals that keep so many servers so busy. */
function traffic(
  size: number,
  servers: number,
  load: number,
  lengths: keyof typeof LENGTHS,
): RequestTable {
  const [arrivals, drawn] = [new RandomStream(7, 'arrivals'), new RandomStream(7, 'lengths')]
  const builder = new RequestTableBuilder()
  let arrivalMs = 0
  for (let i = 0; i < size; i++) {
    arrivalMs += arrivals.exponential(MEAN_MS / servers / load)
    builder.add({ arrivalMs, promptTokens: 1, outputTokens: LENGTHS[lengths](drawn) })
  }
  return builder.build()
}

/** The same with lengths of prompts, for one server. */
function promptTraffic(
  size: number,
  load: number,
  lengths: keyof typeof LENGTHS,
  priority: (request: number) => number = () => 0,
): RequestTable {
  const { arrivalMs, outputTokens } = traffic(size, 1, load, lengths)
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++)
    builder.add({
      arrivalMs: arrivalMs[i]!,
      promptTokens: outputTokens[i]!,
      outputTokens: 1,
      priority: priority(i),
    })
  return builder.build()
}

function run(
  requests: RequestTable,
  backends: readonly BackendSpec[],
  router: RoutingAlgorithm,
): RunResult {
  return tinyRun({ requests, backends, router, stepper: 'fast', prefixCaching: false })
}

const routing = (name: string): RoutingAlgorithm => findRouter(name)!.create({})
const fleet = (size: number): BackendSpec[] => Array.from({ length: size }, () => slots(1))

/** Times from arrival until it is admitted, and until it has ended. */
function times({ outcomes, requests }: RunResult): { waits: Float64Array; stays: Float64Array } {
  const since = (column: Float64Array) => column.map((at, i) => at - requests.arrivalMs[i]!)
  return { waits: since(outcomes.admittedMs), stays: since(outcomes.finishedMs) }
}

const mean = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Within 2 %, a few standard errors of the runs below. */
const near = (found: number, expected: number) => {
  expect(found / expected).toBeGreaterThan(0.98)
  expect(found / expected).toBeLessThan(1.02)
}

/** Mean wait of M/M/c by Erlang's formula C. */
function erlangWaitMs(servers: number, load: number): number {
  const offered = servers * load
  let term = 1
  let below = 0
  for (let k = 0; k < servers; k++) {
    below += term
    term *= offered / (k + 1)
  }
  const full = term / (1 - load)
  return ((full / (below + full)) * MEAN_MS) / (servers * (1 - load))
}

/** Mean wait of each server of M/M/1 to which every `share`th Poisson arrival goes (GI/M/1). */
function everyNthWaitMs(share: number, load: number): number {
  let left = 0.5
  // Share of arrivals that find the server busy: the fixed point of the transform of an Erlang gap.
  for (let i = 0; i < 200; i++) left = (1 + (1 - left) / (share * load)) ** -share
  return (left / (1 - left)) * MEAN_MS
}

describe('one slot', () => {
  test.each(['fixed', 'exponential', 'mixed'] as const)(
    'lengths %s: the mean wait is that of Pollaczek and Khinchine',
    (lengths) => {
      const load = 0.7
      const { waits } = times(run(traffic(400_000, 1, load, lengths), fleet(1), routing('random')))
      const squares = { fixed: 1, exponential: 2, mixed: 0.9 * 0.5 ** 2 + 0.1 * 5.5 ** 2 }
      near(mean(waits), ((load / (1 - load)) * MEAN_MS * squares[lengths]) / 2)
      near(waits.filter((ms) => ms === 0).length / waits.length, 1 - load)
    },
  )

  test('stays are exponential when lengths are: mean, median, P99', () => {
    const load = 0.6
    const requests = traffic(400_000, 1, load, 'exponential')
    const { stays } = times(run(requests, fleet(1), routing('random')))
    const meanMs = MEAN_MS / (1 - load)
    near(mean(stays), meanMs)
    near(percentile(stays, 0.5), Math.log(2) * meanMs)
    near(percentile(stays, 0.99), Math.log(100) * meanMs)
  })

  test('so with the arrivals of the generator', () => {
    const load = 0.7
    const requests = generateTrace({
      kind: 'poisson',
      rateRps: (1000 / MEAN_MS) * load,
      durationSec: 100_000,
      lengthDistribution: 'fixed',
      promptTokensMean: 1,
      promptTokensStd: 0,
      genTokensMean: MEAN_MS,
      genTokensStd: 0,
      numPrefixes: 0,
    })
    near(
      mean(times(run(requests, fleet(1), routing('random'))).waits),
      ((load / (1 - load)) * MEAN_MS) / 2,
    )
  })
})

test.each([0.5, 0.8, 0.9])('8 slots at a load of %d: the mean wait is that of Erlang', (load) => {
  const requests = traffic(600_000, 8, load, 'exponential')
  const { waits } = times(run(requests, [slots(8)], routing('random')))
  // Who comes amid a step waits for its end, half a step in the mean.
  near(mean(waits) - 0.5, erlangWaitMs(8, load))
})

test('memory for 8 requests is as good as 8 slots', () => {
  const requests = traffic(100_000, 8, 0.9, 'fixed')
  const bySlots = run(requests, [slots(8)], routing('random')).outcomes
  const blocks = 8 * Math.ceil((1 + MEAN_MS) / 16)
  const spec = {
    ...slots(256),
    kv: { blocks, blockTokens: 16 },
    preemption: 'reserve_all',
  } as const
  const byMemory = run(requests, [spec], routing('random')).outcomes
  expect(byMemory.admittedMs).toEqual(bySlots.admittedMs)
  expect(byMemory.finishedMs).toEqual(bySlots.finishedMs)
})

describe('eight backends of one slot', () => {
  const load = 0.7
  const requests = traffic(800_000, 8, load, 'exponential')
  const meanWait = (router: RoutingAlgorithm) => mean(times(run(requests, fleet(8), router)).waits)

  test('random: each is a queue of its own', () => {
    near(meanWait(routing('random')), (load / (1 - load)) * MEAN_MS)
  })

  test('round_robin: each gets every eighth request', () => {
    near(meanWait(routing('round_robin')), everyNthWaitMs(8, load))
  })

  const gated = () =>
    gate.wrap(routing('least_outstanding'), {
      saturation: 'concurrency',
      request_limit: 1,
      ttl_sec: 0,
    })

  test('a gate that lets in who can begin: one queue before all', () => {
    near(meanWait(gated()), erlangWaitMs(8, load))
  })

  test('nobody who decides on arrival waits less than in that one queue', () => {
    const few = traffic(50_000, 8, load, 'exponential')
    const waitOf = (router: RoutingAlgorithm) => mean(times(run(few, fleet(8), router)).waits)
    const least = waitOf(gated())
    for (const { name } of builtinRouters)
      expect(waitOf(routing(name)), name).toBeGreaterThan(least)
  })
})

test.each([0.5, 0.9])(
  'power_of_two of many at a load of %d: the stay that Mitzenmacher found',
  (load) => {
    const servers = 500
    const requests = traffic(600_000, servers, load, 'exponential')
    const { stays } = times(run(requests, fleet(servers), routing('power_of_two')))
    let ofServiceTime = 0
    for (let i = 1; i < 12; i++) ofServiceTime += load ** (2 ** i - 2)
    near(mean(stays.subarray(100_000)), ofServiceTime * MEAN_MS)
  },
)

describe('a processor that all share', () => {
  test.each(['fixed', 'exponential', 'mixed'] as const)(
    'lengths %s: the mean stay is the same, and in proportion to the length',
    (lengths) => {
      const load = 0.6
      const requests = traffic(400_000, 1, load, lengths)
      const { stays } = times(run(requests, [shared], routing('random')))
      // The first token comes with the prompt, which costs nothing here.
      const workMs = MEAN_MS - 1
      near(mean(stays), workMs / (1 - (load * workMs) / MEAN_MS))
      const of = (isLong: boolean) =>
        stays.filter((_, i) => requests.outputTokens[i]! > MEAN_MS / 2 === isLong)
      if (lengths === 'mixed') near(mean(of(true)) / mean(of(false)), 11)
    },
  )
})

describe('who is served next', () => {
  const load = 0.7
  const scheduled = (name: string): BackendSpec => ({
    ...prompts,
    scheduling: findLocalPolicy(name).configure({}),
  })
  /** Waits of those who go first and of the others, by Cobham: `first` is their share of the load. */
  const cobhamMs = (residualMs: number, first: number) => [
    residualMs / (1 - first),
    residualMs / (1 - first) / (1 - load),
  ]

  test('priority: the wait of each class is that of Cobham', () => {
    const random = new RandomStream(2, 'classes')
    const isHigh = Array.from({ length: 400_000 }, () => random.float() < 0.3)
    const requests = promptTraffic(400_000, load, 'exponential', (i) => (isHigh[i] ? 1 : 0))
    const { waits } = times(run(requests, [scheduled('priority')], routing('random')))
    const [high, low] = cobhamMs(load * MEAN_MS, 0.3 * load)
    near(mean(waits.filter((_, i) => isHigh[i])), high!)
    near(mean(waits.filter((_, i) => !isHigh[i])), low!)
  })

  test('shortest: so is that of short and long prompts', () => {
    const requests = promptTraffic(1_200_000, load, 'mixed')
    const { waits } = times(run(requests, [scheduled('shortest')], routing('random')))
    const residualMs = (load * MEAN_MS * (0.9 * 0.5 ** 2 + 0.1 * 5.5 ** 2)) / 2
    const [short, long] = cobhamMs(residualMs, 0.45 * load)
    const isShort = (i: number) => requests.promptTokens[i]! < MEAN_MS
    near(mean(waits.filter((_, i) => isShort(i))), short!)
    near(mean(waits.filter((_, i) => !isShort(i))), long!)
  })
})

test('a queue with an end turns away as many as M/M/1/K does', () => {
  const load = 0.9
  const waiting = 4
  const spec = { ...slots(1), maxQueueDepth: waiting }
  const { outcomes } = run(traffic(400_000, 1, load, 'exponential'), [spec], routing('random'))
  const rejected = outcomes.outcome.filter((outcome) => outcome === OUTCOME.rejected).length
  const places = waiting + 1
  near(rejected / 400_000, ((1 - load) * load ** places) / (1 - load ** (places + 1)))
})

test('users who think between their requests get as many answers as in M/M/1 with a finite source', () => {
  const [users, thinkMs, requests] = [6, 900, 300_000]
  const random = new RandomStream(11, 'users')
  const builder = new RequestTableBuilder()
  for (let i = 0; i < requests; i++) {
    const outputTokens = LENGTHS.exponential(random)
    const before = i >= users && { predecessor: i - users, thinkMs: random.exponential(thinkMs) }
    builder.add({ arrivalMs: 0, promptTokens: 1, outputTokens, ...before })
  }
  const { outcomes } = run(builder.build(), fleet(1), routing('random'))
  let total = 0
  for (let within = 0, weight = 1; within <= users; within++) {
    total += weight
    weight *= ((users - within) * MEAN_MS) / thinkMs
  }
  const rate = (1 - 1 / total) / MEAN_MS
  near(requests / outcomes.finishedMs.reduce((last, at) => Math.max(last, at)), rate)
})

test('prefill before decode: two queues one after the other, each as if it were alone (Burke)', () => {
  const [random, load, decodeShare] = [new RandomStream(3, 'tandem'), 0.7, 0.8]
  const builder = new RequestTableBuilder()
  for (let arrivalMs = 0, i = 0; i < 400_000; i++) {
    arrivalMs += random.exponential(MEAN_MS / load)
    const promptTokens = Math.ceil(random.exponential(MEAN_MS - 0.5))
    // The first token comes with the prompt.
    const outputTokens = 1 + Math.ceil(random.exponential(MEAN_MS * decodeShare - 0.5))
    builder.add({ arrivalMs, promptTokens, outputTokens })
  }
  const pools = [
    { ...prompts, role: 'prefill' as const },
    { ...slots(1), role: 'decode' as const },
  ]
  const transfer = { latencyMs: 0, bandwidthBytesPerSec: 1e9, bytesPerToken: 0 }
  const result = tinyRun({
    requests: builder.build(),
    backends: pools,
    router: pairsInTurn(),
    transfer,
    stepper: 'fast',
    prefixCaching: false,
  })
  const prefillMs = MEAN_MS / (1 - load)
  const decodeMs = (MEAN_MS * decodeShare) / (1 - load * decodeShare)
  const { firstTokenMs } = result.outcomes
  near(mean(firstTokenMs.map((at, i) => at - result.requests.arrivalMs[i]!)), prefillMs)
  near(mean(times(result).stays), prefillMs + decodeMs)
})

test('prompts of a given popularity find as much in the cache as Che says of LRU', () => {
  const [topics, blocks, size] = [1000, 200, 400_000]
  const weights = Array.from({ length: topics }, (_, i) => 1 / (i + 1))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const shares = weights.map((weight) => weight / total)
  const ends = new Float64Array(topics)
  shares.forEach((share, i) => {
    ends[i] = (ends[i - 1] ?? 0) + share
  })
  const random = new RandomStream(5, 'topics')
  const builder = new RequestTableBuilder()
  for (let i = 0; i < size; i++) {
    const drawn = random.float()
    const topic = ends.findIndex((end) => drawn < end)
    const promptNode = builder.prompts.stream(NO_NODE, `topic ${topic}`, 16)
    // A block of the topic and three tokens of its own, one after another.
    builder.add({
      arrivalMs: 10 * i,
      promptTokens: 19,
      prefixTokens: 16,
      promptNode,
      outputTokens: 1,
    })
  }
  const { outcomes } = tinyRun({
    requests: builder.build(),
    backends: [{ ...slots(1), kv: { blocks, blockTokens: 16 } }],
    stepper: 'fast',
  })
  // How long a topic stays that nobody asks for, in requests: then as many others have come as there is room for.
  let stay = 0
  const kept = (requests: number) =>
    shares.reduce((sum, share) => sum + 1 - Math.exp(-share * requests), 0)
  // One block is for what is the request's own.
  while (kept(stay) < blocks - 1) stay++
  const expected = shares.reduce((sum, share) => sum + share * (1 - Math.exp(-share * stay)), 0)
  const hits = outcomes.cachedTokens.filter((tokens) => tokens > 0).length
  near(hits / size, expected)
})

test('those within are as many as come in the time that one stays (Little)', () => {
  const result = run(traffic(100_000, 8, 0.8, 'mixed'), fleet(8), routing('least_outstanding'))
  const within = result.backends.reduce(
    (sum, { waitingRequestMs, runningRequestMs }) => sum + waitingRequestMs + runningRequestMs,
    0,
  )
  const { stays } = times(result)
  expect(within / (mean(stays) * stays.length)).toBeCloseTo(1, 9)
})
