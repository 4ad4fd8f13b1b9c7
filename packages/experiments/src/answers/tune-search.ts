import { RandomStream } from '@routesim/core'
import { designPoints, type Setting } from '../sweep/design.js'
import { compareScores, type Score } from './tune-objective.js'
import type { Dimension, Point } from './tune-space.js'

/** A point that was tried on some share of the traffic. */
export interface Tried {
  readonly point: Point
  /** Share of the traffic to search in, from 0 to 1. */
  readonly share: number
  readonly stage: 'halving' | 'local' | 'sensitivity'
  readonly score: Score
}

/** How much a parameter matters, with all others at their best. */
export interface Sensitivity {
  readonly name: string
  readonly tried: readonly { readonly value: Setting; readonly score: Score }[]
}

/** What {@link searchPoint} takes. */
export interface PointSearch {
  readonly dimensions: readonly Dimension[]
  /** Points that take part beside those that are drawn: the default first. */
  readonly initial: readonly Point[]
  /** Points that the search begins with. */
  readonly candidates: number
  /** Shares of the traffic of each round, ascending to 1. */
  readonly shares: readonly number[]
  readonly seed: number
  /** Scores points on a share of the traffic. */
  score(points: readonly Point[], share: number): Promise<readonly Score[]>
  onTried(tried: Tried): void
}

/** Of each round of successive halving, one of so many goes on. */
const KEPT = 3
/** Steps of the local search, as shares of the way. */
const STEPS = [0.2, 0.1, 0.05, 0.02, 0.01]
/** Moves with one length of steps at most. */
const MOST_MOVES = 4
/** Steps that go this much farther than the one before show how a parameter matters. */
const SENSITIVITY_SHARES = [0, 0.25, 0.5, 0.75, 1]
/** Searches around a point, and around the best that the looks along its parameters find. */
const MOST_ROUNDS = 4
/** A parameter goes back to its default when that costs no more than this. */
const TRIFLE = 1e-3

/**
 * Successive halving (Jamieson and Talwalkar 2016: many points on little traffic, the better third of
 * them on three times as much, until it is all), then a pattern search around the best: steps along
 * each parameter, and along all that helped at once, ever shorter. In the end what does not matter goes
 * back to its default. The whole range of each parameter is looked at from there; what is better is searched anew.
 */
export async function searchPoint(search: PointSearch): Promise<{
  readonly best: Point
  readonly score: Score
  readonly sensitivity: readonly Sensitivity[]
}> {
  const { dimensions, onTried } = search
  const known = new Map<string, Score>()
  const all = async (points: readonly Point[], stage: Tried['stage']): Promise<Score[]> => {
    const missing = points.filter(
      (point, i) =>
        !known.has(keyOf(point)) && points.findIndex((p) => keyOf(p) === keyOf(point)) === i,
    )
    const scores = await search.score(missing, 1)
    for (const [i, point] of missing.entries()) {
      known.set(keyOf(point), scores[i]!)
      onTried({ point, share: 1, stage, score: scores[i]! })
    }
    return points.map((point) => known.get(keyOf(point))!)
  }
  const halved = await halving(search, (points) => all(points, 'halving'))
  let start = halved[0]!
  for (let round = 1; ; round++) {
    let best = await descend(start, dimensions, (points) => all(points, 'local'))
    best = await simplified(best, dimensions, (points) => all(points, 'local'))
    const score = known.get(keyOf(best))!
    const sensitivity = await alongAxes(best, dimensions, (points) => all(points, 'sensitivity'))
    const better = bestOf(sensitivity)
    if (round === MOST_ROUNDS || !isBetter(better.score, score)) return { best, score, sensitivity }
    start = { ...best, [better.name]: better.value }
  }
}

/** What comes of values over the whole range of each parameter, with the others as they are. */
async function alongAxes(
  best: Point,
  dimensions: readonly Dimension[],
  scoreAll: ScoreAll,
): Promise<Sensitivity[]> {
  const axes = dimensions.map(({ name, initial, values, at }) => ({
    name,
    values: [...new Set([...(values ?? SENSITIVITY_SHARES.map(at)), initial, best[name]!])],
  }))
  const points = axes.flatMap(({ name, values }) =>
    values.map((value) => ({ ...best, [name]: value })),
  )
  const scores = await scoreAll(points)
  let next = 0
  return axes.map(({ name, values }) => ({
    name,
    tried: values.map((value) => ({ value, score: scores[next++]! })),
  }))
}

function bestOf(sensitivity: readonly Sensitivity[]) {
  return sensitivity
    .flatMap(({ name, tried }) => tried.map((each) => ({ name, ...each })))
    .reduce((best, each) => (compareScores(each.score, best.score) < 0 ? each : best))
}

/** By more than a trifle, which simplifying may cost. */
function isBetter(score: Score, than: Score): boolean {
  if (score.violation !== than.violation) return score.violation < than.violation
  return score.objective < than.objective - TRIFLE * Math.abs(than.objective)
}

type ScoreAll = (points: readonly Point[]) => Promise<Score[]>

/** The points that are left on all traffic, best first. The default is never left out. */
async function halving(
  { dimensions, initial, candidates, shares, seed, score, onTried }: PointSearch,
  scoreAll: ScoreAll,
): Promise<Point[]> {
  const drawn = latinPoints(dimensions, Math.max(1, candidates - initial.length), seed)
  let points = distinct([...initial, ...drawn])
  for (const share of shares) {
    const scores = share === 1 ? await scoreAll(points) : await score(points, share)
    for (const [i, point] of points.entries()) {
      if (share < 1) onTried({ point, share, stage: 'halving', score: scores[i]! })
    }
    const ranked = points
      .map((point, i) => ({ point, score: scores[i]! }))
      .sort((a, b) => compareScores(a.score, b.score))
      .map(({ point }) => point)
    if (share === 1) return ranked
    const kept = ranked.slice(0, Math.max(2, Math.ceil(points.length / KEPT)))
    points = distinct([initial[0]!, ...kept])
  }
  return points
}

/** Points that cover every parameter evenly. */
function latinPoints(dimensions: readonly Dimension[], count: number, seed: number): Point[] {
  const axes = Object.fromEntries(dimensions.map(({ name }) => [name, { from: 0, to: 1 }]))
  // Of a stream of its own, so that the traffic of a seed and its points have nothing in common.
  const drawn = new RandomStream(seed, 'tune').integer(2 ** 31)
  const shares = designPoints({ axes, sampling: 'latin_hypercube', points: count, seed: drawn })
  return shares.map((share) =>
    Object.fromEntries(dimensions.map(({ name, at }) => [name, at(Number(share[name]))])),
  )
}

async function descend(
  start: Point,
  dimensions: readonly Dimension[],
  scoreAll: ScoreAll,
): Promise<Point> {
  let best = start
  let [score] = await scoreAll([best])
  for (const step of STEPS) {
    for (let move = 0; move < MOST_MOVES; move++) {
      const around = dimensions.map((dimension) => neighbours(best, dimension, step))
      const scores = await scoreAll(around.flat())
      let next = 0
      const helped = around.map(
        (points) =>
          points
            .map((point) => ({ point, score: scores[next++]! }))
            .filter((each) => compareScores(each.score, score!) < 0)
            .sort((a, b) => compareScores(a.score, b.score))[0],
      )
      const found = helped.flatMap((each) => each ?? [])
      if (found.length === 0) break
      const moved = helped.flatMap((each, i): [string, Setting][] => {
        const { name } = dimensions[i]!
        return each === undefined ? [] : [[name, each.point[name]!]]
      })
      const together = { ...best, ...Object.fromEntries(moved) }
      const [ofAll] = await scoreAll([together])
      const ranked = [...found, { point: together, score: ofAll! }].sort((a, b) =>
        compareScores(a.score, b.score),
      )
      best = ranked[0]!.point
      score = ranked[0]!.score
    }
  }
  return best
}

/** The other values of a list, or a step to either side. */
function neighbours(point: Point, { name, values, at, shareOf }: Dimension, step: number): Point[] {
  const own = point[name]!
  const others =
    values === undefined
      ? [at(Math.max(0, shareOf(own) - step)), at(Math.min(1, shareOf(own) + step))]
      : step === STEPS[0]
        ? values
        : []
  return others.filter((value) => value !== own).map((value) => ({ ...point, [name]: value }))
}

/** With every parameter that does not matter at its default: what is left is what helps. */
async function simplified(
  start: Point,
  dimensions: readonly Dimension[],
  scoreAll: ScoreAll,
): Promise<Point> {
  let best = start
  const [first] = await scoreAll([best])
  for (const { name, initial } of dimensions) {
    if (best[name] === initial) continue
    const without = { ...best, [name]: initial }
    const [score] = await scoreAll([without])
    const worst = first!.objective + TRIFLE * Math.abs(first!.objective)
    if (score!.violation <= first!.violation && score!.objective <= worst) best = without
  }
  return best
}

function distinct(points: readonly Point[]): Point[] {
  return [...new Map(points.map((point) => [keyOf(point), point])).values()]
}

function keyOf(point: Point): string {
  return JSON.stringify(Object.entries(point).sort(([a], [b]) => (a < b ? -1 : 1)))
}
