import type { StepSegment, StepShape } from '@routesim/core'

/** A part of a step's time that grows with the context: `ms` per unit up to a cap per request or token. */
export interface StretchTerm {
  readonly ms: number
  /** What a unit takes at least, were it shared with others and counted once; `ms` if absent. */
  readonly sharedMs?: number
  /** Units beyond which nothing is added, per decoding request or prompt token; Infinity for none. */
  readonly window: number
  /** Whether each prompt token attends to a window of its own, which slides; else the cap is on the whole chunk. */
  readonly slides?: boolean
}

/**
 * The parts of a step's time that change from step to step while the batch does not: context of
 * decodes, and pairs and context of a prompt chunk, each in layers without and with a window. The
 * window is held against the mean context of the batch, but for a lone prompt, of which it is known how far each
 * token sees.
 */
export class StretchTerms {
  private readonly decode: readonly StretchTerm[]
  private readonly mixed: readonly StretchTerm[]
  private readonly pairs: readonly StretchTerm[]
  private readonly read: readonly StretchTerm[]
  private readonly rampTokens: number

  constructor(terms: {
    /** Per token of context of decodes, in steps without prompt tokens. */
    readonly decode: readonly StretchTerm[]
    /** The same in steps with prompt tokens. */
    readonly mixed: readonly StretchTerm[]
    /** Per pair of prompt attention. */
    readonly pairs: readonly StretchTerm[]
    /** Per token of context that a prompt chunk reads. */
    readonly read: readonly StretchTerm[]
    /** Chunk length at which pairs cost twice; 0 for none. */
    readonly rampTokens: number
  }) {
    this.decode = terms.decode
    this.mixed = terms.mixed
    this.pairs = terms.pairs
    this.read = terms.read
    this.rampTokens = terms.rampTokens
  }

  /** Attention of the step, in ms. */
  ms(step: StepShape): number {
    const { prefillTokens, decodeRequests } = step
    let sum = total(
      prefillTokens > 0 ? this.mixed : this.decode,
      step.decodeContextTokens,
      decodeRequests,
      step.decodeSharedTokens ?? 0,
    )
    if (prefillTokens === 0) return sum
    sum += pairsMs(this.pairs, step) * this.ramp(step)
    return sum + total(this.read, contextRead(step), step.prefillRequests, 0)
  }

  /** Slope per step and steps for which it holds, with one prompt chunk at most; the base is the caller's. */
  segment(step: StepShape, out: StepSegment): void {
    const { prefillTokens, decodeRequests } = step
    out.slopeMs = 0
    out.steps = Number.POSITIVE_INFINITY
    const decodes = prefillTokens > 0 ? this.mixed : this.decode
    stretch(
      decodes,
      { units: step.decodeContextTokens, shared: step.decodeSharedTokens ?? 0 },
      decodeRequests,
      decodeRequests,
      1,
      out,
    )
    if (prefillTokens === 0) return
    stretchPairs(this.pairs, step, this.ramp(step), out)
    stretch(this.read, { units: contextRead(step), shared: 0 }, prefillTokens, 1, 1, out)
  }

  private ramp({ prefillTokens, prefillRequests }: StepShape): number {
    return Math.min(1 + (this.rampTokens * prefillRequests) / prefillTokens, LARGEST_RAMP)
  }
}

/** Short chunks split their context among the processors instead of leaving them idle. */
const LARGEST_RAMP = 8

/**
 * Tokens of context that the chunks of a step read, themselves included, if the chunks are alike: a
 * chunk of n tokens after c makes n·c + n(n+1)/2 pairs and reads c + n tokens.
 */
function contextRead({ prefillTokens, prefillRequests, prefillAttentionPairs }: StepShape): number {
  return (
    (prefillRequests * prefillAttentionPairs) / prefillTokens +
    (prefillTokens - prefillRequests) / 2
  )
}

function pairsMs(terms: readonly StretchTerm[], step: StepShape): number {
  let sum = 0
  for (const { ms, window, slides } of terms) sum += ms * pairsWithin(window, slides, step)
  return sum
}

/**
 * Pairs of a prompt chunk within a window. A lone chunk of n tokens after c makes n·c + n(n+1)/2, which gives c;
 * its first w - c tokens see all before them, the others a whole window each.
 */
function pairsWithin(window: number, slides: boolean | undefined, step: StepShape): number {
  const { prefillTokens: n, prefillAttentionPairs: pairs } = step
  if (slides !== true || step.prefillRequests !== 1) return Math.min(pairs, capOf(window, n))
  const before = contextBefore(step)
  const growing = Math.min(n, Math.max(0, window - before))
  return growing * before + (growing * (growing + 1)) / 2 + (n - growing) * window
}

/** Tokens of context before the chunk of a lone prompt. */
function contextBefore({ prefillTokens, prefillAttentionPairs }: StepShape): number {
  return Math.max(0, prefillAttentionPairs / prefillTokens - (prefillTokens + 1) / 2)
}

/** Adds pairs of a lone chunk, which grow by as many as the square of its tokens while it is within the window. */
function stretchPairs(
  terms: readonly StretchTerm[],
  step: StepShape,
  scale: number,
  out: StepSegment,
): void {
  const { prefillTokens: n, prefillAttentionPairs: pairs } = step
  const growth = n * n
  const before = contextBefore(step)
  for (const { ms, window, slides } of terms) {
    // How many more chunks may come before one reaches the end of the window.
    const room = slides === true ? window - before - n : (capOf(window, n) - pairs) / n
    if (slides === true ? before >= window : room <= 0) continue
    // Of a chunk that the window ends in, nothing is known of the next.
    if (room < 0) out.steps = 1
    else {
      out.slopeMs += scale * ms * growth
      out.steps = Math.min(out.steps, Math.floor(room / n) + 1)
    }
  }
}

function total(
  terms: readonly StretchTerm[],
  units: number,
  holders: number,
  shared: number,
): number {
  let sum = 0
  for (const term of terms) {
    const { ms, window } = term
    sum += isShared(term, shared)
      ? Math.max(ms * (units - shared), term.sharedMs * units)
      : ms * Math.min(units, capOf(window, holders))
  }
  return sum
}

/** Adds terms that grow by `growth` units per step, of which as many as before are shared. */
function stretch(
  terms: readonly StretchTerm[],
  { units, shared }: { readonly units: number; readonly shared: number },
  growth: number,
  holders: number,
  scale: number,
  out: StepSegment,
): void {
  if (growth === 0) return
  for (const term of terms) {
    const { ms, window } = term
    if (isShared(term, shared)) {
      // From here on what is distinct takes longer than all of it shared would.
      const knot = (ms * shared) / (ms - term.sharedMs)
      const isDistinct = units >= knot
      out.slopeMs += scale * growth * (isDistinct ? ms : term.sharedMs)
      if (!isDistinct) out.steps = Math.min(out.steps, Math.floor((knot - units) / growth) + 1)
      continue
    }
    const cap = capOf(window, holders)
    if (units >= cap) continue
    out.slopeMs += scale * ms * growth
    out.steps = Math.min(out.steps, Math.floor((cap - units) / growth) + 1)
  }
}

function isShared(
  term: StretchTerm,
  shared: number,
): term is StretchTerm & { readonly sharedMs: number } {
  return shared > 0 && term.sharedMs !== undefined && term.sharedMs < term.ms
}

function capOf(window: number, holders: number): number {
  return window === Number.POSITIVE_INFINITY ? window : window * holders
}
