import type { TraceFormat } from '../formats/trace-format.js'

/** What the entries of a format are that hold no request. */
const KINDS: Partial<Record<TraceFormat, readonly [one: string, several: string]>> = {
  sharegpt: ['conversation has no answer to a user', 'conversations have no answer to a user'],
  bench_serve: ['request failed', 'requests failed'],
  aiperf_profile: [
    'request failed or belongs to the warm-up',
    'requests failed or belong to the warm-up',
  ],
}

/** Says of entries that were ignored what they are, as `2 spans are not LLM requests`. */
export function ignoredNote(format: TraceFormat, count: number): string {
  const [one, several] = KINDS[format] ?? ['span is no LLM request', 'spans are not LLM requests']
  return `${count} ${count === 1 ? one : several}`
}
