import {
  type BackendSpec,
  type ClusterView,
  type RequestView,
  type RoutingAlgorithm,
  type RunResult,
  simulate,
} from '@routesim/core'
import { findEngine, findLink, radixKvCache } from '@routesim/hardware'
import { fitSteps } from '../../calibrate/fit-steps.js'
import type { MeasuredRequest } from '../../calibrate/measured-request.js'
import { affineBasis } from '../../calibrate/step-basis.js'
import { type CsvRow, numberIn } from '../data/csv-rows.js'
import type { DataFolder } from '../data/data-folder.js'
import { deployment } from '../deployment.js'
import { rowsOf, type ValidationRow } from '../report/validation-row.js'
import type { ValidationSet } from '../validation-set.js'
import { kernelProfile } from './kernel-profile.js'
import { kernelProfileLatency } from './kernel-profile-latency.js'
import { type RequestTimes, requestsOf, runMetrics } from './per-request-run.js'
import { SERVING_SIM, type ServingSimRun, servingSimRuns } from './serving-sim-run.js'

/** Requests that a calibration may look at; it is judged on the others. */
const CALIBRATED = 100

/** Single engines, request by request. */
export const servingSimSet: ValidationSet = {
  name: SERVING_SIM,
  description: 'vLLM 0.19 request by request: from kernel profiles, and calibrated',
  predict(data) {
    return servingSimRuns(data).flatMap((run) => [
      ...fromKernels(data, run),
      ...calibrated(data, run),
    ])
  },
}

/** A run from measured kernels and its inputs alone. */
function fromKernels(data: DataFolder, run: ServingSimRun): ValidationRow[] {
  const { profile, model, tp, dataParallel } = run
  if (profile === undefined) return []
  const table = (name: string): CsvRow[] =>
    data.rows(SERVING_SIM, `profiles/${profile}/${name}.csv`)
  const link = findLink(run.gpu.link)
  const latency = kernelProfileLatency({
    profile: kernelProfile({
      dense: table('dense'),
      perSequence: table('per_sequence'),
      attention: table('attention'),
      moe: table('moe'),
    }),
    model,
    tp,
    dataParallel,
    link: run.link === undefined ? link : { ...link, ...run.link, efficiency: 1 },
    // With asynchronous scheduling the host prepares a step while the GPU computes the one before.
    hostMsPerRequest: 0,
  })
  const result = simulate({
    cluster: {
      backends: Array.from({ length: dataParallel }, () => backendOf(run, latency)),
      kvCache: radixKvCache({ prefixCaching: true }),
    },
    requests: requestsOf(data.rows(SERVING_SIM, `inputs/${run.name}.csv`)),
    router: leastQueued(),
    seed: 1,
  })
  return judged(data, run, 'kernel-profiles', timesOf(result, 0), 0)
}

/** The same run after a fit to its first requests. */
function calibrated(data: DataFolder, run: ServingSimRun): ValidationRow[] {
  const requests = measuredOf(data, run)
  // Which rank served a request is not published.
  if (requests.length <= CALIBRATED || run.dataParallel > 1) return []
  const { model, gpu, tp } = run
  const link = findLink(gpu.link)
  const engine = findEngine('vllm')
  const fit = fitSteps({
    basis: affineBasis({
      model,
      gpu,
      parallelism: { tp, pp: 1, ep: 1 },
      precision: model.weights,
      kvPrecision: 'bf16',
      hostMsPerRequest: engine.hostMsPerRequest,
      granularity: 'step',
      link: run.link === undefined ? link : { ...link, ...run.link, efficiency: 1 },
    }),
    backend: backendOf(run, undefined),
    // What its requests share is known, not what they found in the cache.
    kvCache: radixKvCache({ prefixCaching: true }),
    requests,
    fitted: CALIBRATED,
    frontEndMs: engine.frontEndMs,
  })
  const times = timesOf(fit.run, fit.frontEndMs)
  return judged(data, run, 'calibrated', times, CALIBRATED)
}

function backendOf(run: ServingSimRun, latency: BackendSpec['latency'] | undefined): BackendSpec {
  return deployment({
    model: run.model.name,
    gpu: run.gpu.name,
    tp: run.tp,
    engine: 'vllm',
    maxBatchTokens: run.maxBatchTokens,
    maxNumSeqs: run.maxNumSeqs,
    ...(run.kvTokens === undefined ? {} : { kvTokens: run.kvTokens }),
    ...(latency === undefined ? {} : { latency }),
  }).backend
}

/** The balancer of vLLM between data parallel ranks: 4 x waiting + running, the first of the least. */
function leastQueued(): RoutingAlgorithm {
  return {
    name: 'vllm-data-parallel',
    route(_: RequestView, { backends }: ClusterView) {
      const load = backends.map(({ waiting, running }) => 4 * waiting + running)
      return backends[load.indexOf(Math.min(...load))]!
    },
  }
}

function timesOf(run: RunResult, frontEndMs: number): RequestTimes[] {
  const { outcomes, requests, sentMs } = run
  return Array.from({ length: requests.size }, (_, i) => ({
    arrival: sentMs[i]! / 1000,
    ttft: (outcomes.firstTokenMs[i]! - sentMs[i]! + frontEndMs) / 1000,
    e2e: (outcomes.finishedMs[i]! - sentMs[i]! + frontEndMs) / 1000,
    outputTokens: requests.outputTokens[i]!,
  }))
}

function measuredOf(data: DataFolder, { name }: ServingSimRun): MeasuredRequest[] {
  return data.rows(SERVING_SIM, `${name}_requests.csv`).map((row) => {
    const of = (column: string): number => numberIn(row, column) ?? 0
    return {
      sentMs: of('arrival_s') * 1000,
      promptTokens: of('input_tokens'),
      outputTokens: of('output_tokens'),
      cachedTokens: of('max_cached_blocks16') * 16,
      ttftMs: of('ttft_s') * 1000,
      e2eMs: of('e2e_s') * 1000,
    }
  })
}

/** Figures of the whole run and of every request, from a request on. */
function judged(
  data: DataFolder,
  run: ServingSimRun,
  policy: string,
  times: readonly RequestTimes[],
  from: number,
): ValidationRow[] {
  const place = { set: SERVING_SIM, experiment: run.name, policy }
  const measured = measuredOf(data, run).map(
    ({ sentMs, ttftMs, e2eMs, outputTokens }): RequestTimes => ({
      arrival: sentMs / 1000,
      ttft: ttftMs / 1000,
      e2e: e2eMs / 1000,
      outputTokens,
    }),
  )
  const hasAll = measured.length === times.length
  const stage = from === 0 ? 'all' : `${from}..`
  return [
    ...rowsOf(
      { ...place, stage },
      runMetrics(times.slice(from)),
      hasAll ? runMetrics(measured.slice(from)) : {},
    ),
    ...times.slice(from).flatMap((time, i) => {
      const truth = hasAll ? measured[from + i] : undefined
      return rowsOf(
        { ...place, stage: `request ${from + i}` },
        perRequest(time),
        truth === undefined ? {} : perRequest(truth),
      )
    }),
  ]
}

function perRequest({ ttft, e2e, outputTokens }: RequestTimes): Record<string, number> {
  return { ttft_s: ttft, e2e_s: e2e, tpot_s: (e2e - ttft) / Math.max(1, outputTokens - 1) }
}
