import { RouteSimError } from '@routesim/core'
import { findEngine, radixKvCache, warmKvCache } from '@routesim/hardware'
import { stringify } from 'smol-toml'
import { buildFleet } from '../cluster/build-cluster.js'
import { rooflineOptionsOf } from '../cluster/build-latency.js'
import { type DeploymentConfig, deploymentShape } from '../config/deployment-schema.js'
import type { Config } from '../config/schema.js'
import type { ExperimentsErrorCode } from '../errors.js'
import { fitSteps, type StepFit } from './fit-steps.js'
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
  /** False when the measurements can not tell it: then it is what public figures say. */
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
  /** Why not to trust the fit: that it explains little, or is far from public figures. */
  readonly doubts: readonly string[]
  /** The `[cluster]` of a config that `run` accepts. */
  readonly toml: string
}

/**
 * Fits the step times of a deployment to measured requests, with bounds from physics: no step faster
 * than the peaks of the GPU. What the measurements can not tell stays what public figures say.
 * @throws RouteSimError `config_invalid` when the config does not describe one backend with a model,
 * `measurements_invalid` for a request that this backend does not serve, or times far shorter than physics allows
 */
export function calibrate({ config, requests, kind }: CalibrateOptions): Calibration {
  const { cluster } = config
  const backend: DeploymentConfig = cluster.backends?.[0] ?? cluster
  if (backend.model === undefined || backend.compute_model.kind !== 'roofline') {
    throw refused('cluster.model: expected a model and the roofline, to take bounds from')
  }
  if (cluster.num_backends !== 1) {
    throw refused(
      `cluster.num_backends: expected 1, the backend that was measured, got ${cluster.num_backends}`,
    )
  }
  const cached = requests.filter(({ cachedTokens }) => cachedTokens > 0).length
  if (cached > 0 && !cluster.prefix_caching) {
    throw refused(
      `cluster.prefix_caching: expected true, as ${cached} of ${requests.length} requests were measured with cached tokens`,
    )
  }
  const { timeScales: _, ...roofline } = rooflineOptionsOf(backend)
  // What steps take at least is no sum of parts.
  const options = { ...roofline, launchMsPerLayer: 0 }
  const basis = kind === 'affine' ? affineBasis(options) : rooflineBasis(options)
  const { cluster: fleet } = buildFleet(config)
  const fit = fitSteps({
    basis,
    // What the front end takes is fitted beside the step times.
    backend: { ...fleet.backends[0]!, frontEndMs: 0, maxQueueDepth: requests.length },
    // Of cached tokens it is measured how many each request found, not what put them there.
    kvCache: cluster.prefix_caching ? warmKvCache() : radixKvCache({ prefixCaching: false }),
    requests,
    fitted: requests.length,
    frontEndMs: findEngine(backend.engine!).frontEndMs,
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
  const doubts = doubtsOf(fit)
  const calibration = { kind, requests: requests.length, parameters, frontEndMs, ...errors, doubts }
  return { ...calibration, toml: profileOf(config, backend, calibration) }
}

/** Errors in percent beyond which a fit explains little: times to first tokens vary with what is not measured. */
const MOST_ERROR = { ttft: 50, decode: 25 }
/** Engines are slower than their kernels could be, but not by so many times. */
const MOST_TIMES = 10

function doubtsOf({ ttftErrorPercent, decodeErrorPercent, timesFigures }: StepFit): string[] {
  const doubts: string[] = []
  const decode = decodeErrorPercent ?? 0
  if (ttftErrorPercent > MOST_ERROR.ttft || decode > MOST_ERROR.decode) {
    doubts.push(
      `the fit does not explain the measurements: it is off by ${ttftErrorPercent.toFixed(0)} % in TTFT and by ${decode.toFixed(0)} % from the first to the last token. Times may be in another unit than their column says, model, gpu or tp of the config not those that were measured, or other requests were served beside these: mend it before the profile is used`,
    )
  }
  if (timesFigures > MOST_TIMES) {
    doubts.push(
      `requests took ${timesFigures.toFixed(0)} times as long as public figures say of this deployment: see that times are in the unit that their column says, and that model, gpu and tp of the config are those that were measured`,
    )
  }
  return doubts
}

const DIGITS = 6

function profileOf(
  { cluster }: Config,
  backend: DeploymentConfig,
  fit: Omit<Calibration, 'toml'>,
): string {
  const values = Object.fromEntries(
    fit.parameters.map(({ key, value }) => [key, Number(value.toPrecision(DIGITS))]),
  )
  const { compute_model: given } = backend
  // Factors hold for the roofline that they were found with, and were found without launches.
  const kept =
    fit.kind === 'roofline' && given.kind === 'roofline' ? { ...given, launch_ms_per_layer: 0 } : {}
  const profile = {
    num_backends: cluster.num_backends,
    prefix_caching: cluster.prefix_caching,
    ...keptDeployment(backend),
    front_end_ms: Number(fit.frontEndMs.toFixed(1)),
    compute_model: { kind: fit.kind, ...kept, ...values },
  }
  const percent = (value: number | null): string =>
    value === null ? 'unknown' : `${value.toFixed(1)} %`
  return [
    `# Fitted by routesim calibrate to ${fit.requests} measured requests.`,
    `# Error: TTFT ${percent(fit.ttftErrorPercent)}, first to last token ${percent(fit.decodeErrorPercent)};`,
    `# leave-one-out ${percent(fit.leaveOneOutTtftPercent)} and ${percent(fit.leaveOneOutDecodePercent)}.`,
    ...fit.doubts.map((doubt) => `# Doubtful: ${doubt}.`),
    stringify({ cluster: profile }),
  ].join('\n')
}

/** Keys of the deployment that was measured: all that a backend has, but one name for its GPU. */
function keptDeployment(backend: DeploymentConfig): Record<string, unknown> {
  const isKept = ([key, value]: [string, unknown]): boolean =>
    Object.hasOwn(deploymentShape, key) &&
    value !== undefined &&
    !(key === 'gpu_type' && backend.gpu !== undefined)
  return Object.fromEntries(Object.entries(backend).filter(isKept))
}

function refused(message: string): RouteSimError {
  return new RouteSimError<ExperimentsErrorCode>(message, { code: 'config_invalid' })
}
