// Traffic for which queueing theory has an answer on paper: an oracle that shares no line with the engine.
import { builtinRouters, findRouter, gate } from '@routesim/algorithms'
import {
  type BackendSpec,
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
import { backend, tinyRun } from '../testing/tiny-run.js'

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

test.each([0.5, 0.7, 0.9])(
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

test('those within are as many as come in the time that one stays (Little)', () => {
  const result = run(traffic(100_000, 8, 0.8, 'mixed'), fleet(8), routing('least_outstanding'))
  const within = result.backends.reduce(
    (sum, { waitingRequestMs, runningRequestMs }) => sum + waitingRequestMs + runningRequestMs,
    0,
  )
  const { stays } = times(result)
  expect(within / (mean(stays) * stays.length)).toBeCloseTo(1, 9)
})
