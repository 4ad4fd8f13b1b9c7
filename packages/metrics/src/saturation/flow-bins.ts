import { OUTCOME, type RequestOutcomes, type RequestTable } from '@routesim/core'

/** Stretches at most; when the time is longer, each takes two. */
const BINS = 2 ** 16

/** Stretches that make one in which it is known how long requests stayed. */
const BLOCK = 2 ** 8

/** So short that any two times of a run are in stretches apart before they double. */
const FIRST_WIDTH_MS = 2 ** -20

/**
 * How many measured requests arrived, were admitted and ended in each stretch of a run from the first
 * measured arrival on, in memory that does not grow with it: stretches double when there are too many, so
 * that one lasts 1/32768 of that time at most. It makes no difference in which order requests are counted.
 */
export class FlowBins {
  /** Length of a stretch, in ms. */
  widthMs: number = FIRST_WIDTH_MS
  /** Requests that were neither rejected nor lost nor called off, by arrival. */
  readonly arrived: Int32Array = new Int32Array(BINS)
  /** The same by the start of the first step that worked on them. */
  readonly admitted: Int32Array = new Int32Array(BINS)
  /** Completed ones by their end. */
  readonly ended: Int32Array = new Int32Array(BINS)
  /** Completed ones, and the times from their arrival to their end summed, by arrival, for each block of stretches. */
  private readonly completedOf: Int32Array = new Int32Array(BINS / BLOCK)
  private readonly stayedMsOf: Float64Array = new Float64Array(BINS / BLOCK)
  /** The latest time that has a stretch, and how many stretches there are in a ms: a power of two, as is the length. */
  private latestMs = Number.NEGATIVE_INFINITY
  private perMs = 1 / FIRST_WIDTH_MS
  firstArrivalMs: number = Number.POSITIVE_INFINITY
  lastArrivalMs: number = Number.NEGATIVE_INFINITY
  lastEndMs: number = Number.NEGATIVE_INFINITY
  requests = 0
  rejected = 0
  timedOut = 0
  /** Times from arrival to end, summed over completed requests. */
  residenceMs = 0
  completed = 0
  /** Of those in `arrived`: all, and those admitted and completed until the last arrival. */
  counted = 0
  admittedByLastArrival = 0
  endedByLastArrival = 0

  /**
   * A measured request arrives, whatever becomes of it; one that is never sent does not. Those that arrive before a
   * request ends, and the first of those that arrive after, are told of before that request is added.
   */
  arrives(arrivalMs: number): void {
    if (arrivalMs < this.firstArrivalMs) this.firstArrivalMs = arrivalMs
    if (arrivalMs > this.lastArrivalMs) this.lastArrivalMs = arrivalMs
  }

  /** Counts what became of the request of a row. */
  add(row: number, requests: RequestTable, outcomes: RequestOutcomes): void {
    const outcome = outcomes.outcome[row]
    if (outcome === OUTCOME.unsent) return
    const arrivalMs = requests.arrivalMs[row]!
    this.requests++
    this.reach(this.lastArrivalMs)
    if (outcome === OUTCOME.rejected) this.rejected++
    if (outcome === OUTCOME.timed_out) this.timedOut++
    // Their ends are not known, and a fleet that lost requests is not slow because of it.
    if (outcome !== OUTCOME.completed && outcome !== OUTCOME.unfinished) return
    const admittedMs = outcomes.admittedMs[row]!
    const finishedMs = outcomes.finishedMs[row]!
    const isAdmitted = !Number.isNaN(admittedMs)
    const isFinished = !Number.isNaN(finishedMs)
    this.reach(isFinished ? finishedMs : isAdmitted ? admittedMs : arrivalMs)
    this.counted++
    this.count(this.arrived, arrivalMs)
    if (isAdmitted) {
      this.count(this.admitted, admittedMs)
      if (admittedMs <= this.lastArrivalMs) this.admittedByLastArrival++
    }
    if (!isFinished) return
    this.count(this.ended, finishedMs)
    if (finishedMs <= this.lastArrivalMs) this.endedByLastArrival++
    this.completed++
    this.residenceMs += finishedMs - arrivalMs
    const block = Math.floor(this.binOf(arrivalMs) / BLOCK)
    this.completedOf[block] = this.completedOf[block]! + 1
    this.stayedMsOf[block] = this.stayedMsOf[block]! + (finishedMs - arrivalMs)
    if (finishedMs > this.lastEndMs) this.lastEndMs = finishedMs
  }

  /** How long completed requests stayed that arrived up to a time, in the mean; NaN when there are none. */
  stayedMsUntil(timeMs: number): number {
    const blocks = Math.ceil((this.binOf(timeMs) + 1) / BLOCK)
    let stayedMs = 0
    let completed = 0
    for (let block = 0; block < blocks; block++) {
      stayedMs += this.stayedMsOf[block]!
      completed += this.completedOf[block]!
    }
    return stayedMs / completed
  }

  /** Stretches up to the last in which anything happened. */
  get used(): number {
    return this.latestMs >= this.firstArrivalMs ? this.binOf(this.latestMs) + 1 : 0
  }

  /** The stretch that a time is in. */
  binOf(timeMs: number): number {
    return Math.floor((timeMs - this.firstArrivalMs) * this.perMs)
  }

  private count(bins: Int32Array, timeMs: number): void {
    const bin = this.binOf(timeMs)
    bins[bin] = bins[bin]! + 1
  }

  /** Makes stretches as long as it takes to have one for a time. */
  private reach(timeMs: number): void {
    if (timeMs <= this.latestMs) return
    const { used } = this
    this.latestMs = timeMs
    if (this.binOf(timeMs) < BINS) return
    let times = 1
    for (; this.binOf(timeMs) >= BINS; this.perMs /= 2) times *= 2
    this.widthMs *= times
    for (const bins of [this.arrived, this.admitted, this.ended]) join(bins, used, times)
    const blocks = Math.ceil(used / BLOCK)
    for (const sums of [this.completedOf, this.stayedMsOf]) join(sums, blocks, times)
  }
}

/** Makes one stretch of so many, of those that are used. */
function join(bins: Int32Array | Float64Array, used: number, times: number): void {
  for (let from = 0; from < used; from++) {
    const count = bins[from]!
    bins[from] = 0
    const to = Math.floor(from / times)
    bins[to] = bins[to]! + count
  }
}
