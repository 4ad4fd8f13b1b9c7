import { type CsvRow, numberIn } from '../data/csv-rows.js'

/** Measured kernels of one layer of a model on one GPU of a tensor parallel group, in ms. */
export interface KernelProfile {
  /** All layers' kernels but attention, by tokens in the step. */
  readonly dense: Curve
  /** Kernels that run once per step, by tokens. */
  readonly once: Curve
  /** Output projection and sampler, by sequences. */
  readonly perSequence: Curve
  readonly attention: AttentionGrid
  /** Experts of one layer, by tokens and distinct experts; absent for a dense model. */
  readonly experts?: ExpertGrid
}

/** Times over one variable. */
export interface Curve {
  readonly at: Float64Array
  readonly ms: Float64Array
}

/** Attention by prompt chunk, tokens before it, decodes and their context. */
export interface AttentionGrid {
  readonly axes: readonly [Float64Array, Float64Array, Float64Array, Float64Array]
  readonly ms: Float64Array
}

/** Times over tokens and distinct experts. */
export interface ExpertGrid {
  readonly tokens: Float64Array
  readonly experts: Float64Array
  readonly ms: Float64Array
}

/** Kernels that a step runs once and not per layer, and those that a layer runs twice. */
const ONCE = new Set(['embedding', 'final_layernorm'])
const TWICE = new Set(['layernorm'])

/**
 * A profile from the tables of casys-kaist/LLMServingSim: `dense` (layer, tokens, time_us),
 * `per_sequence` (layer, sequences, time_us), `attention` (prefill_chunk, kv_prefill, n_decode,
 * kv_decode, time_us) and for a mixture `moe` (tokens, activated_experts, time_us).
 */
export function kernelProfile(tables: {
  readonly dense: readonly CsvRow[]
  readonly perSequence: readonly CsvRow[]
  readonly attention: readonly CsvRow[]
  readonly moe: readonly CsvRow[]
}): KernelProfile {
  const { dense, moe } = tables
  const isOnce = (row: CsvRow): boolean => ONCE.has(row['layer']!)
  return {
    dense: summed(
      dense.filter((row) => !isOnce(row)),
      'tokens',
    ),
    once: summed(dense.filter(isOnce), 'tokens'),
    perSequence: summed(tables.perSequence, 'sequences'),
    attention: attentionGrid(tables.attention),
    ...(moe.length === 0 ? {} : { experts: expertGrid(moe) }),
  }
}

function summed(rows: readonly CsvRow[], variable: string): Curve {
  const sums = new Map<number, number>()
  for (const row of rows) {
    const at = numberIn(row, variable)!
    const times = TWICE.has(row['layer']!) ? 2 : 1
    sums.set(at, (sums.get(at) ?? 0) + (times * numberIn(row, 'time_us')!) / 1000)
  }
  const at = Float64Array.from(sums.keys()).sort()
  return { at, ms: at.map((value) => sums.get(value)!) }
}

const ATTENTION = ['prefill_chunk', 'kv_prefill', 'n_decode', 'kv_decode'] as const

/**
 * The points whose coordinates are 0 or powers of two make a grid; a few that did not fit into the GPU's
 * memory are missing and continue the line of the two before them.
 */
function attentionGrid(rows: readonly CsvRow[]): AttentionGrid {
  const points = rows
    .map((row) => ATTENTION.map((name) => numberIn(row, name)!))
    .map((point, i) => ({ point, ms: numberIn(rows[i]!, 'time_us')! / 1000 }))
    .filter(({ point }) =>
      point.every((value) => value === 0 || Number.isInteger(Math.log2(value))),
    )
  const axes = ATTENTION.map((_, k) =>
    Float64Array.from(new Set(points.map(({ point }) => point[k]!))).sort(),
  ) as unknown as AttentionGrid['axes']
  const [, b, c, d] = axes.map((axis) => axis.length) as [number, number, number, number]
  const ms = new Float64Array(axes[0].length * b * c * d).fill(Number.NaN)
  for (const { point, ms: value } of points) {
    const [i, j, k, l] = point.map((coordinate, axis) => axes[axis]!.indexOf(coordinate))
    ms[((i! * b + j!) * c + k!) * d + l!] = value
  }
  fillEdges(axes, ms)
  return { axes, ms }
}

/** Without a chunk nothing precedes it, without decodes they have no context: those planes are copies. */
function fillEdges(axes: AttentionGrid['axes'], ms: Float64Array): void {
  const [chunks, befores, decodes, contexts] = axes
  const at = (i: number, j: number, k: number, l: number): number =>
    ((i * befores.length + j) * decodes.length + k) * contexts.length + l
  ms[0] = 0
  for (let i = 0; i < chunks.length; i++)
    for (let j = 0; j < befores.length; j++)
      for (let k = 0; k < decodes.length; k++)
        for (let l = 0; l < contexts.length; l++) {
          if (!Number.isNaN(ms[at(i, j, k, l)]!)) continue
          if (i === 0 && j > 0) ms[at(i, j, k, l)] = ms[at(0, 0, k, l)]!
          else if (k === 0 && l > 0) ms[at(i, j, k, l)] = ms[at(i, j, 0, 0)]!
          else if (l === 0) ms[at(i, j, k, l)] = ms[at(i, j, k, 1)]!
          else ms[at(i, j, k, l)] = continued(contexts, l, (m) => ms[at(i, j, k, m)]!)
        }
  // The least context of decodes stands for none, and may itself have come later.
  for (let i = 0; i < chunks.length; i++)
    for (let j = 0; j < befores.length; j++)
      for (let k = 1; k < decodes.length; k++) {
        const none = at(i, j, k, 0)
        if (Number.isNaN(ms[none]!)) ms[none] = ms[at(i, j, k, 1)]!
      }
}

function continued(axis: Float64Array, l: number, msAt: (index: number) => number): number {
  if (l < 2) return Number.NaN
  const slope = (msAt(l - 1) - msAt(l - 2)) / (axis[l - 1]! - axis[l - 2]!)
  return msAt(l - 1) + slope * (axis[l]! - axis[l - 1]!)
}

function expertGrid(rows: readonly CsvRow[]): ExpertGrid {
  const values = (column: string): Float64Array =>
    Float64Array.from(new Set(rows.map((row) => numberIn(row, column)!))).sort()
  const tokens = values('tokens')
  const experts = values('activated_experts')
  const ms = new Float64Array(tokens.length * experts.length).fill(Number.NaN)
  for (const row of rows) {
    const i = tokens.indexOf(numberIn(row, 'tokens')!)
    const j = experts.indexOf(numberIn(row, 'activated_experts')!)
    ms[i * experts.length + j] = numberIn(row, 'time_us')! / 1000
  }
  // Few tokens can not touch many experts: there the least number of tokens that does stands in.
  for (let i = tokens.length - 2; i >= 0; i--)
    for (let j = 0; j < experts.length; j++) {
      const at = i * experts.length + j
      if (Number.isNaN(ms[at]!)) ms[at] = ms[at + experts.length]!
    }
  return { tokens, experts, ms }
}
