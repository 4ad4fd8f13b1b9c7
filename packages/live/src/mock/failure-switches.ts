import { RandomStream } from '@routesim/core'

/** What goes wrong on a mock worker, on purpose. */
export interface FailureOptions {
  /** Share of requests answered with 500. */
  readonly errorRate: number
  /** Share of requests that are never answered. */
  readonly hangRate: number
  /** Share of requests whose connection breaks amid the answer. */
  readonly breakRate: number
  /** Share of requests that begin late, and by how much, in ms. */
  readonly spikeRate: number
  readonly spikeMs: number
  /** When the worker stops answering at all, in ms after its start; undefined for never. */
  readonly hangAfterMs?: number | undefined
  /** When it dies. */
  readonly crashAfterMs?: number | undefined
}

/** No failures. */
export const NO_FAILURES: FailureOptions = {
  errorRate: 0,
  hangRate: 0,
  breakRate: 0,
  spikeRate: 0,
  spikeMs: 0,
}

/** What happens to one request. */
export interface RequestFate {
  readonly kind: 'answer' | 'error' | 'hang' | 'break'
  /** In ms. */
  readonly delayMs: number
}

/** Draws what happens to each request of a worker. */
export class FailureSwitches {
  private readonly options: FailureOptions
  private readonly random: RandomStream

  constructor(options: FailureOptions, seed: number, worker: number) {
    this.options = options
    this.random = new RandomStream(seed, `failures of worker ${worker}`)
  }

  next(): RequestFate {
    const { errorRate, hangRate, breakRate, spikeRate, spikeMs } = this.options
    const draw = this.random.float()
    const delayMs = this.random.float() < spikeRate ? spikeMs : 0
    const kind =
      draw < errorRate
        ? 'error'
        : draw < errorRate + hangRate
          ? 'hang'
          : draw < errorRate + hangRate + breakRate
            ? 'break'
            : 'answer'
    return { kind, delayMs }
  }
}
