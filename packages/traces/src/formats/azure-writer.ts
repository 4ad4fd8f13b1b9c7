import type { RequestTable } from '@routesim/core'

/** Arrivals count from this second of November 2023; reading counts from the first. */
const EPOCH_SEC = 1_700_000_000

/** Azure's CSV holds lengths, and arrivals to 100 ns. */
export function* azureLines(table: RequestTable): Generator<string> {
  yield 'TIMESTAMP,ContextTokens,GeneratedTokens'
  for (let row = 0; row < table.size; row++) {
    const ticks = Math.round(table.arrivalMs[row]! * 1e4)
    const seconds = Math.floor(ticks / 1e7)
    const date = new Date((EPOCH_SEC + seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ')
    const fraction = String(ticks - seconds * 1e7).padStart(7, '0')
    yield `${date}.${fraction},${table.promptTokens[row]},${table.outputTokens[row]}`
  }
}

/** Arrivals in seconds and lengths, which it holds as they are. */
export function* arrivalsLines(table: RequestTable): Generator<string> {
  yield 'arrival_s,input_tokens,output_tokens'
  for (let row = 0; row < table.size; row++) {
    const seconds = secondsOf(table.arrivalMs[row]!)
    yield `${seconds},${table.promptTokens[row]},${table.outputTokens[row]}`
  }
}

/** A time in seconds that gives the same ms back, where there is one. */
export function secondsOf(ms: number): number {
  const seconds = ms / 1000
  if (seconds * 1000 === ms) return seconds
  const step = seconds * 2 ** -52
  for (const near of [seconds + step, seconds - step]) if (near * 1000 === ms) return near
  return seconds
}
