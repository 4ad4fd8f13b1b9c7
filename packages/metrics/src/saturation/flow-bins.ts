import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'

/** Bins at most; when the time is longer, each takes two. */
const BINS = 512

const FIRST_WIDTH_MS = 1

/**
 * How many measured requests arrived, were admitted and ended in each stretch of a run, in memory that
 * does not grow with it: stretches double when there are too many.
 */
export class FlowBins {
  /** Length of a stretch, in ms. */
  widthMs: number = FIRST_WIDTH_MS
  /** Requests that were neither rejected nor lost nor called off, by arrival. */
  readonly arrived: Float64Array = new Float64Array(BINS)
  /** The same by the start of the first step that worked on them. */
  readonly admitted: Float64Array = new Float64Array(BINS)
  /** Completed ones by their end. */
  readonly ended: Float64Array = new Float64Array(BINS)
  firstArrivalMs: number = Number.POSITIVE_INFINITY
  lastArrivalMs: number = Number.NEGATIVE_INFINITY
  lastEndMs: number = Number.NEGATIVE_INFINITY
  requests = 0
  rejected = 0
  timedOut = 0
  /** Times from arrival to end, summed over completed requests. */
  residenceMs = 0
  completed = 0

  /** Counts the request of a row. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    const arrivalMs = requests.arrivalMs[row]!
    this.requests++
    if (arrivalMs < this.firstArrivalMs) this.firstArrivalMs = arrivalMs
    if (arrivalMs > this.lastArrivalMs) this.lastArrivalMs = arrivalMs
    const outcome = outcomes.outcome[row]
    if (outcome === OUTCOME.rejected) this.rejected++
    if (outcome === OUTCOME.timed_out) this.timedOut++
    // Their ends are not known, and a fleet that lost requests is not slow because of it.
    if (outcome !== OUTCOME.completed && outcome !== OUTCOME.unfinished) return
    const admittedMs = outcomes.admittedMs[row]!
    const finishedMs = outcomes.finishedMs[row]!
    const isAdmitted = !Number.isNaN(admittedMs)
    const isFinished = !Number.isNaN(finishedMs)
    this.widen(isFinished ? finishedMs : isAdmitted ? admittedMs : arrivalMs)
    count(this.arrived, arrivalMs, this.widthMs)
    if (isAdmitted) count(this.admitted, admittedMs, this.widthMs)
    if (!isFinished) return
    count(this.ended, finishedMs, this.widthMs)
    this.completed++
    this.residenceMs += finishedMs - arrivalMs
    if (finishedMs > this.lastEndMs) this.lastEndMs = finishedMs
  }

  private widen(latestMs: number): void {
    while (latestMs >= BINS * this.widthMs) {
      this.widthMs *= 2
      for (const bins of [this.arrived, this.admitted, this.ended]) {
        for (let i = 0; i < BINS / 2; i++) bins[i] = bins[2 * i]! + bins[2 * i + 1]!
        bins.fill(0, BINS / 2)
      }
    }
  }
}

function count(bins: Float64Array, timeMs: number, widthMs: number): void {
  const bin = Math.floor(timeMs / widthMs)
  bins[bin] = bins[bin]! + 1
}
