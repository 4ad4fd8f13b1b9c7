import { EMPTY_STEP, type LatencyModel, type StepShape } from '@routesim/core'
import { affineLatency, findLink, type RooflineOptions, rooflineLatency } from '@routesim/hardware'

/** One part of a step's time: so many ms per unit of what the step computes. */
export interface StepTerm {
  /** Key of the parameter in `[cluster.compute_model]`. */
  readonly key: string
  /** Units in a step. */
  units(step: StepShape): number
  /** What physics allows at least. */
  readonly least: number
  /** What public figures say. */
  readonly expected: number
  /** Standard deviation of that; 30 % of it when absent. */
  readonly deviation?: number
}

/** How long steps wait for the host on several GPUs where engines do not schedule ahead: most that was measured. */
const LONGEST_WAIT_MS = 2.5

/** A family of latency models whose step times are linear in their parameters. */
export interface StepBasis {
  readonly kind: 'affine' | 'roofline'
  readonly terms: readonly StepTerm[]
  latency(parameters: ArrayLike<number>): LatencyModel
}

/**
 * The affine model, expected at what the roofline of the deployment says of small steps and bounded by
 * the roofline at the peaks of the data sheets.
 */
export function affineBasis(options: RooflineOptions): StepBasis {
  const expected = affineFigures(options)
  const least = affineFigures(atPeak(options))
  const terms: StepTerm[] = [
    { key: 'base_ms', units: () => 1 },
    { key: 'prefill_ms_per_token', units: (step: StepShape) => step.prefillTokens },
    { key: 'decode_ms_per_request', units: (step: StepShape) => step.decodeRequests },
    {
      key: 'decode_ms_per_context_token',
      units: (step: StepShape) => (step.prefillTokens > 0 ? 0 : step.decodeContextTokens),
    },
    {
      key: 'mixed_decode_ms_per_context_token',
      units: (step: StepShape) => (step.prefillTokens > 0 ? step.decodeContextTokens : 0),
    },
    {
      key: 'prefill_ms_per_attention_pair',
      units: (step: StepShape) => step.prefillAttentionPairs,
    },
  ].map((term, i) => ({ ...term, expected: expected[i]!, least: least[i]! }))
  return {
    kind: 'affine',
    terms,
    latency: (parameters) =>
      affineLatency({
        baseMs: parameters[0]!,
        prefillMsPerToken: parameters[1]!,
        decodeMsPerRequest: parameters[2]!,
        decodeMsPerContextToken: parameters[3]!,
        mixedDecodeMsPerContextToken: parameters[4]!,
        prefillMsPerAttentionPair: parameters[5]!,
      }),
  }
}

/** Slopes of the roofline around a step of one decode, and of a thousand prompt tokens. */
function affineFigures(options: RooflineOptions): number[] {
  const roofline = rooflineLatency(options)
  const one = { ...EMPTY_STEP, decodeRequests: 1, decodeContextTokens: 1 }
  const baseMs = roofline.stepMs({ ...one, decodeContextTokens: 0 })
  const many = { ...EMPTY_STEP, decodeRequests: 65 }
  const context = (step: StepShape): number =>
    (roofline.stepMs({ ...step, decodeContextTokens: 1000 }) - roofline.stepMs(step)) / 1000
  const prompt = { ...EMPTY_STEP, prefillTokens: 2048, prefillRequests: 1 }
  const noPairs = roofline.stepMs(prompt)
  const pairs = 2048 ** 2
  return [
    baseMs - options.hostMsPerRequest,
    // A large product hides the reading of weights, which the base pays already.
    Math.max(0, noPairs - baseMs) / 2048,
    (roofline.stepMs(many) - baseMs) / 64,
    context({ ...one, decodeContextTokens: 0 }),
    context({ ...prompt, decodeRequests: 1 }),
    (roofline.stepMs({ ...prompt, prefillAttentionPairs: pairs }) - noPairs) / pairs,
  ]
}

/** The same deployment with kernels that reach every peak and cost nothing beside. */
function atPeak(options: RooflineOptions): RooflineOptions {
  const link = options.link ?? findLink(options.gpu.link)
  return {
    ...options,
    hostMsPerRequest: 0,
    hostMsPerStep: 0,
    cudaGraphs: 'full',
    kernelFloorScale: 0,
    efficiency: {
      matmulBandwidth: 1,
      matmulFlops: { bits16: 1, bits8: 1, bits4: 1 },
      // The longer of reading and computing, as nearly as the p-norm goes.
      overlap: 64,
      expertBandwidth: 1,
      expertFlops: 1,
      hasNarrowExperts: true,
      expertTile: { few: 0, many: 0, fewUpTo: 1 },
      kvBandwidth: { wide: 1, narrow: 1 },
      cachedKvRead: { leastShare: 0, bandwidth: Number.POSITIVE_INFINITY },
      attentionFlops: 1,
      attentionRampTokens: 0,
      elementwiseBandwidth: Number.MAX_VALUE,
      mixedTile: { rows: 1, packsHeads: true },
      floorMs: { matmul: 0, elementwise: 0, attention: 0 },
      source: 'peaks of the data sheet',
    },
    link: { ...link, efficiency: 1, latencyMs: 0 },
  }
}

/** The parts of the roofline, each with a factor: 1 is what public figures say. */
export function rooflineBasis(options: RooflineOptions): StepBasis {
  const { hostMsPerRequest, hostMsPerStep = 0, timeScales: _, ...rest } = options
  const unscaled = rooflineLatency({ ...rest, hostMsPerRequest: 0 })
  const peak = rooflineLatency(atPeak(options))
  const probe = {
    ...EMPTY_STEP,
    prefillTokens: 2048,
    prefillRequests: 1,
    prefillAttentionPairs: 2048 ** 2,
    decodeRequests: 64,
    decodeContextTokens: 64_000,
  }
  const decode = { ...EMPTY_STEP, decodeRequests: 1, decodeContextTokens: 1000 }
  const part = (of: (breakdown: ReturnType<typeof unscaled.breakdown>) => number) => ({
    units: (step: StepShape) => of(unscaled.breakdown(step)),
    expected: 1,
    least: Math.max(
      ...[probe, decode].map((step) =>
        ratio(of(peak.breakdown(step)), of(unscaled.breakdown(step))),
      ),
    ),
  })
  const terms: StepTerm[] = [
    { key: 'matmul_scale', ...part(({ matmulMs, expertMs }) => matmulMs + expertMs) },
    { key: 'attention_scale', ...part(({ attentionMs }) => attentionMs) },
    {
      key: 'overhead_scale',
      ...part(({ floorMs, elementwiseMs }) => floorMs + elementwiseMs),
      least: 0,
    },
    {
      key: 'host_ms_per_request',
      units: (step) => step.prefillRequests + step.decodeRequests,
      expected: hostMsPerRequest,
      least: 0,
    },
    {
      key: 'host_ms_per_step',
      units: () => 1,
      expected: hostMsPerStep,
      least: 0,
      deviation: LONGEST_WAIT_MS,
    },
    ...(communicates(options)
      ? [{ key: 'communication_scale', ...part(({ communicationMs }) => communicationMs) }]
      : []),
  ]
  return {
    kind: 'roofline',
    terms,
    latency: (parameters) =>
      rooflineLatency({
        ...rest,
        hostMsPerRequest: parameters[3]!,
        hostMsPerStep: parameters[4]!,
        timeScales: {
          matmul: parameters[0]!,
          attention: parameters[1]!,
          overhead: parameters[2]!,
          communication: parameters[5] ?? 1,
        },
      }),
  }
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

function communicates({ parallelism: { tp, pp, ep } }: RooflineOptions): boolean {
  return tp * pp > 1 || ep > 1
}
