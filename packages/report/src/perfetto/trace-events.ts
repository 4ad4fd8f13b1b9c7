import { OUTCOME, type RunResult, type StepShape } from '@routesim/core'

/** Rows of a backend, called threads in the format: steps above, requests below. */
const STEPS_ROW = 0

/** How a timeline is written. */
export interface TraceEventOptions {
  /** Takes the text, piece by piece. */
  readonly write: (text: string) => void
  /** Events at most; what comes after is counted and left out. 500,000 are some 80 MB. */
  readonly mostEvents: number
}

/**
 * Writes what a run did as Chrome trace events (JSON), which Perfetto and `chrome://tracing` open: one
 * process per backend, with its steps and, one below the other, its requests' queue, prefill and
 * decode. Give it to a run as its observer; steps are written as they happen and not kept. The format
 * is that of the Trace Event Format document; times are in µs.
 */
export class TraceEvents {
  /** Events that were left out. */
  omitted = 0
  private written = 0
  private readonly options: TraceEventOptions

  constructor(options: TraceEventOptions) {
    this.options = options
    options.write('{"displayTimeUnit":"ms","traceEvents":[')
  }

  stepCompleted(backend: number, startMs: number, durationMs: number, step: StepShape): void {
    const { prefillTokens, decodeRequests } = step
    const name =
      prefillTokens === 0 ? 'decode' : decodeRequests === 0 ? 'prefill' : 'prefill + decode'
    this.event({
      ...{ ph: 'X', name, cat: 'step', pid: backend, tid: STEPS_ROW },
      ...{ ts: micros(startMs), dur: micros(durationMs) },
      args: { prefill_tokens: prefillTokens, decode_requests: decodeRequests },
    })
  }

  /** Writes the requests, and the end of the file. */
  finished(result: RunResult): void {
    const { requests, outcomes, sentMs, backends } = result
    for (const { id } of backends) {
      this.event(named('process_name', id, STEPS_ROW, `backend ${id}`))
      this.event(named('thread_name', id, STEPS_ROW, 'steps'))
    }
    for (let row = 0; row < requests.size; row++) {
      if (outcomes.outcome[row] !== OUTCOME.completed) continue
      const [prefill, decode] = [outcomes.prefillBackend[row]!, outcomes.backend[row]!]
      const admittedMs = outcomes.admittedMs[row]!
      const finishedMs = outcomes.finishedMs[row]!
      const firstMs = outcomes.firstTokenMs[row]!
      const prefilledMs = Number.isNaN(firstMs) ? finishedMs : firstMs
      this.span('queue', row, prefill, sentMs[row]!, admittedMs)
      this.span('prefill', row, prefill, admittedMs, prefilledMs, {
        prompt_tokens: requests.promptTokens[row]!,
        cached_tokens: outcomes.cachedTokens[row]!,
      })
      this.span('decode', row, decode, prefilledMs, finishedMs, {
        output_tokens: requests.outputTokens[row]!,
      })
    }
    this.options.write('\n]}\n')
  }

  /** A pair of nestable async events: those of one id share a row. */
  private span(
    name: string,
    row: number,
    backend: number,
    fromMs: number,
    toMs: number,
    args: Readonly<Record<string, number>> = {},
  ): void {
    if (!(toMs > fromMs)) return
    // A begin without its end would last for ever.
    if (this.written + 2 > this.options.mostEvents) {
      this.omitted += 2
      return
    }
    const shared = { name, cat: 'request', id: row, pid: backend, tid: STEPS_ROW }
    this.event({ ph: 'b', ...shared, ts: micros(fromMs), args: { request: row, ...args } })
    this.event({ ph: 'e', ...shared, ts: micros(toMs) })
  }

  private event(event: object): void {
    if (this.written >= this.options.mostEvents) {
      this.omitted++
      return
    }
    this.options.write(`${this.written === 0 ? '' : ','}\n${JSON.stringify(event)}`)
    this.written++
  }
}

function named(name: string, pid: number, tid: number, text: string): object {
  return { ph: 'M', name, pid, tid, args: { name: text } }
}

/** Whole nanoseconds, so that the text is short. */
function micros(ms: number): number {
  return Math.round(ms * 1e6) / 1e3
}
