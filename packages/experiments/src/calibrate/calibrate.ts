import { RouteSimError } from '@routesim/core'
import { findEngine } from '@routesim/hardware'
import { stringify } from 'smol-toml'
import { buildFleet } from '../cluster/build-cluster.js'
import { rooflineOptionsOf } from '../cluster/build-latency.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { fitSteps } from './fit-steps.js'
import type { MeasuredRequest } from './measured-request.js'
import { affineBasis, rooflineBasis } from './step-basis.js'

/** What a calibration starts from. */
export interface CalibrateOptions {
  /** Deployment that was measured: one backend with a model and step times by the roofline. */
  readonly config: Config
  /** Every request it served, in order of sending. */
  readonly requests: readonly MeasuredRequest[]
  /** `affine` fits prices of tokens, `roofline` factors on the parts of the roofline. */
  readonly kind: 'affine' | 'roofline'
}

/** A fitted parameter. */
export interface CalibratedParameter {
  /** Key in `[cluster.compute_model]`. */
  readonly key: string
  readonly value: number
  /** What public figures say. */
  readonly expected: number
  /** What physics allows at least. */
  readonly least: number
  /** False when the measurements can not tell it: then it is close to what public figures say. */
  readonly isMeasured: boolean
}

/** A fit of step times to measurements. */
export interface Calibration {
  readonly kind: 'affine' | 'roofline'
  readonly requests: number
  readonly parameters: readonly CalibratedParameter[]
  /** Time between client and scheduler, in ms. */
  readonly frontEndMs: number
  /**
   * Mean absolute errors in percent: of the fit, and of each request from a fit to the others. Those from
   * the first token to the last are of requests with several, null when none has.
   */
  readonly ttftErrorPercent: number
  readonly decodeErrorPercent: number | null
  readonly leaveOneOutTtftPercent: number
  readonly leaveOneOutDecodePercent: number | null
  /** The `[cluster]` of a config that `run` accepts. */
  readonly toml: string
}

/**
 * Fits the step times of a deployment to measured requests, with bounds from physics: no step faster
 * than the peaks of the GPU. What the measurements can not tell stays what public figures say.
 * @throws RouteSimError `config_invalid` when the config does not describe one backend with a model
 */
export function calibrate({ config, requests, kind }: CalibrateOptions): Calibration {
  const { cluster } = config
  if (cluster.model === undefined || cluster.compute_model.kind !== 'roofline') {
    throw refused('cluster.model: expected a model and the roofline, to take bounds from')
  }
  if (cluster.num_backends !== 1) {
    throw refused(
      `cluster.num_backends: expected 1, the backend that was measured, got ${cluster.num_backends}`,
    )
  }
  const { timeScales: _, ...roofline } = rooflineOptionsOf(cluster)
  // What steps take at least is no sum of parts.
  const options = { ...roofline, launchMsPerLayer: 0 }
  const basis = kind === 'affine' ? affineBasis(options) : rooflineBasis(options)
  const { cluster: fleet } = buildFleet(config)
  const fit = fitSteps({
    basis,
    // What the front end takes is fitted beside the step times.
    backend: { ...fleet.backends[0]!, frontEndMs: 0, maxQueueDepth: requests.length },
    prefixCaching: cluster.prefix_caching,
    requests,
    fitted: requests.length,
    frontEndMs: findEngine(cluster.engine!).frontEndMs,
  })
  const parameters = basis.terms.map(
    ({ key, expected, least }, i): CalibratedParameter => ({
      key,
      value: fit.parameters[i]!,
      expected,
      least,
      isMeasured: !fit.fromPhysics.includes(key),
    }),
  )
  const { frontEndMs, ttftErrorPercent, decodeErrorPercent } = fit
  const { leaveOneOutTtftPercent, leaveOneOutDecodePercent } = fit
  const errors = {
    ttftErrorPercent,
    decodeErrorPercent,
    leaveOneOutTtftPercent,
    leaveOneOutDecodePercent,
  }
  const calibration = { kind, requests: requests.length, parameters, frontEndMs, ...errors }
  return { ...calibration, toml: profileOf(config, calibration) }
}

/** Keys of the deployment that a profile repeats. */
const DEPLOYMENT = [
  'model',
  'gpu',
  'gpu_type',
  'engine',
  'precision',
  'kv_precision',
  'tp',
  'pp',
  'ep',
  'moe_tp',
  'dp',
  'dp_lockstep',
  'attention_dp_balance',
  'attention_dp_timeout_iters',
  'attention_dp_batching_wait_iters',
  'scheduler_recv_interval',
  'gpu_memory_utilization',
  'kv_context_tokens',
  'num_backends',
  'max_batch_tokens',
  'max_num_seqs',
  'max_queue_depth',
  'chunked_prefill',
  'prefix_caching',
  'kv_cache_blocks',
  'kv_block_size',
] as const

/** Keys of a roofline that its factors were found with. */
const ROOFLINE = ['granularity', 'cuda_graphs', 'link'] as const

const DIGITS = 6

function profileOf({ cluster }: Config, fit: Omit<Calibration, 'toml'>): string {
  const deployment = Object.fromEntries(
    DEPLOYMENT.filter((key) => !(key === 'gpu_type' && cluster.gpu !== undefined)).flatMap((key) =>
      cluster[key] === undefined ? [] : [[key, cluster[key]]],
    ),
  )
  const values = Object.fromEntries(
    fit.parameters.map(({ key, value }) => [key, Number(value.toPrecision(DIGITS))]),
  )
  const front_end_ms = Number(fit.frontEndMs.toFixed(1))
  const { compute_model: given } = cluster
  const kept =
    fit.kind === 'roofline' && given.kind === 'roofline'
      ? {
          ...Object.fromEntries(
            ROOFLINE.flatMap((key) => (given[key] === undefined ? [] : [[key, given[key]]])),
          ),
          // They were found without.
          launch_ms_per_layer: 0,
        }
      : {}
  const compute_model = { kind: fit.kind, ...kept, ...values }
  const percent = (value: number | null): string =>
    value === null ? 'unknown' : `${value.toFixed(1)} %`
  return [
    `# Fitted by routesim calibrate to ${fit.requests} measured requests.`,
    `# Error: TTFT ${percent(fit.ttftErrorPercent)}, first to last token ${percent(fit.decodeErrorPercent)};`,
    `# leave-one-out ${percent(fit.leaveOneOutTtftPercent)} and ${percent(fit.leaveOneOutDecodePercent)}.`,
    stringify({ cluster: { ...deployment, front_end_ms, compute_model } }),
  ].join('\n')
}

function refused(message: string): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(message, { code: 'config_invalid' })
}
