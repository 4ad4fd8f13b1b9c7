import { awaitedBy, OUTCOME, type RunResult } from '@routesim/core'
import { LogHistogram } from '@routesim/metrics'
import { eachGapRun } from './gap-runs.js'
import { logs, views } from './paired-routers.js'
import type { Numbers } from './story-features.js'
import { type Stepper, type TinyRun, tinyRun } from './tiny-run.js'

/** All that is seen of a run: what is counted, and what is measured in time. */
export interface Observed {
  readonly run: RunResult
  readonly counted: unknown
  readonly times: Readonly<Record<string, readonly number[]>>
  readonly log: readonly string[]
}

/** Runs a story and keeps what was seen. */
export function observe(story: TinyRun, stepper: Stepper): Observed {
  const gaps = new LogHistogram()
  const run = tinyRun({
    ...story,
    stepper,
    recorder: { ...story.recorder, tokenGaps: eachGapRun((...each) => gaps.addSeries(...each)) },
  })
  const { outcomes, backends, rejectReasons, customMetrics } = run
  const { admittedMs, firstTokenMs, finishedMs, transferStartMs, transferEndMs, ...counts } =
    outcomes
  const counted = {
    rejectReasons,
    outcome: [...counts.outcome],
    backend: [...counts.backend],
    prefillBackend: [...counts.prefillBackend],
    cachedTokens: [...counts.cachedTokens],
    loadedTokens: [...(counts.loadedTokens ?? [])],
    preemptions: [...counts.preemptions],
    attempts: [...counts.attempts],
    rejectReason: [...counts.rejectReason],
    gaps: gaps.count,
    backends: backends.map(
      ({ busyMs: _, waitingRequestMs: __, runningRequestMs: ___, tiers, ...rest }) => ({
        ...rest,
        tiers: tiers?.map(({ loadMs: _, ...tier }) => tier),
      }),
    ),
  }
  const times = {
    admittedMs: [...admittedMs],
    firstTokenMs: [...firstTokenMs],
    finishedMs: [...finishedMs],
    transferStartMs: [...(transferStartMs ?? [])],
    transferEndMs: [...(transferEndMs ?? [])],
    sentMs: [...run.sentMs],
    end: [run.endMs, run.measuredFromMs],
    busyMs: backends.map(({ busyMs }) => busyMs),
    waitingRequestMs: backends.map(({ waitingRequestMs }) => waitingRequestMs),
    runningRequestMs: backends.map(({ runningRequestMs }) => runningRequestMs),
    customMetrics: Object.values(customMetrics),
    loadMs: backends.flatMap(({ tiers = [] }) => tiers.map(({ loadMs }) => loadMs)),
    gaps: [
      gaps.sum,
      gaps.min,
      gaps.max,
      ...Array.from({ length: 21 }, (_, i) => gaps.quantile(i / 20)),
    ],
  }
  const own = new Set([story.router!].flat().map((router) => logs.get(router) ?? []))
  const log = [...own].flat()
  return { run, counted, times, log }
}

/** Where two runs differ first; undefined where they agree, exactly or to a relative 1e-9. */
export function disagreement(a: Observed, b: Observed, numbers: Numbers): string | undefined {
  const isExact = numbers === 'exact'
  if (JSON.stringify(a.counted) !== JSON.stringify(b.counted)) {
    for (const [name, value] of Object.entries(a.counted as object)) {
      const [x, y] = [value, (b.counted as Record<string, unknown>)[name]].map((v) =>
        JSON.stringify(v),
      )
      if (x !== y) return `${name}: ${x} / ${y}`
    }
  }
  for (const [name, values] of Object.entries(a.times)) {
    const others = b.times[name]!
    if (values.length !== others.length) return `${name}: length`
    // Quantiles of the histogram may jump by a bucket at its edge where numbers are not exact.
    const count = name === 'gaps' && !isExact ? 3 : values.length
    for (let i = 0; i < count; i++) {
      const [x, y] = [values[i]!, others[i]!]
      if (Object.is(x, y)) continue
      if (!isExact && Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x))) continue
      return `${name}[${i}]: ${x} / ${y}`
    }
  }
  if (!isExact) return undefined
  const at = a.log.findIndex((line, i) => line !== b.log[i])
  if (at >= 0) return `log ${at}: ${unlike(a.log[at]!, b.log[at] ?? '')}`
  return a.log.length === b.log.length ? undefined : `log: ${a.log.length} / ${b.log.length} lines`
}

/** Two lines from where they begin to differ. */
function unlike(a: string, b: string): string {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  const from = Math.max(0, i - 60)
  return `${a.slice(0, 40)} ... ${a.slice(from, i + 60)} / ${b.slice(from, i + 60)}`
}

/** What a run has lost or made out of nothing; undefined where all sums hold. */
export function imbalance({ run }: Observed, story: TinyRun): string | undefined {
  const { outcomes, backends, requests, warmupRequests } = run
  for (let i = 0; i < requests.size; i++) {
    const outcome = outcomes.outcome[i]!
    if (outcome === OUTCOME.unfinished) return `request ${i} is unfinished`
    if ((outcome === OUTCOME.completed) !== outcomes.rejectReason[i]! < 0) return `reason of ${i}`
    if (outcome === OUTCOME.timed_out && outcomes.firstTokenMs[i]! > hungUpMs(run, story, i))
      return `first token of ${i} after its client hung up`
    if (outcome !== OUTCOME.completed) continue
    const times = [run.sentMs[i]!, outcomes.admittedMs[i]!, outcomes.finishedMs[i]!]
    if (requests.outputTokens[i]! > 0) times.splice(2, 0, outcomes.firstTokenMs[i]!)
    if (times.some((time, k) => !(k === 0 || time >= times[k - 1]! * (1 - 1e-11)))) {
      return `request ${i} at ${times}`
    }
    const awaited = awaitedBy(requests, i)
    const isKept = awaited.every((row) => outcomes.outcome[row] === OUTCOME.completed)
    if (!isKept && requests.anyEnd?.[i] !== 1) return `request ${i} was sent`
    // When others were given up is not told of all.
    if (!isKept) continue
    const dueMs = dueOf(run, i)
    const isOpenLoop = story.maxInFlight === undefined
    if (isOpenLoop ? run.sentMs[i] !== dueMs : !(run.sentMs[i]! >= dueMs))
      return `request ${i} sent at ${run.sentMs[i]}, due at ${dueMs}`
    const found = outcomes.cachedTokens[i]! + (outcomes.loadedTokens?.[i] ?? 0)
    if (found >= requests.promptTokens[i]!) return `request ${i} found all of its prompt`
  }
  for (const b of backends) {
    if (b.heldBlocks !== 0) return `backend ${b.id} holds ${b.heldBlocks}`
    if (b.cachedBlocks > b.totalBlocks) return `backend ${b.id} caches ${b.cachedBlocks}`
    for (const tier of b.tiers ?? [])
      if (tier.usedBlocks > tier.totalBlocks) return `tier of ${b.id}`
  }
  const counted = countedOn(story)
  if (counted.length > 0) return `a router still counts ${counted}`
  const isCalm =
    warmupRequests === 0 &&
    story.events === undefined &&
    story.timeoutMs === undefined &&
    [story.router!].flat().every(({ migrates }) => migrates !== true) &&
    outcomes.preemptions.every((count) => count === 0)
  if (!isCalm) return undefined
  let [prefill, decode] = [0, 0]
  for (let i = 0; i < requests.size; i++) {
    if (outcomes.outcome[i] !== OUTCOME.completed) continue
    prefill +=
      requests.promptTokens[i]! - outcomes.cachedTokens[i]! - (outcomes.loadedTokens?.[i] ?? 0)
    decode += Math.max(0, requests.outputTokens[i]! - 1)
  }
  const sum = (of: (b: (typeof backends)[number]) => number): number =>
    backends.reduce((all, b) => all + of(b), 0)
  const [prefilled, decoded] = [sum((b) => b.prefillTokens), sum((b) => b.decodeTokens)]
  // A computed prompt that two backends had no room for is computed again, with one token of the answer.
  const isPair = outcomes.prefillBackend.some((id, i) => id !== outcomes.backend[i])
  if (!isPair && decoded !== decode) return `${decoded} tokens decoded of ${decode}`
  return isPair || prefilled === prefill ? undefined : `${prefilled} tokens computed of ${prefill}`
}

/** Requests and prompts that routers take to be under way, by their own accounts. */
function countedOn({ router, visibility }: TinyRun): string[] {
  const routers = [router!].flat()
  // What others have told may be out of date.
  if (routers.length > 1 && visibility!.routers.syncMs > 0) return []
  return routers
    .flatMap((each) => views.get(each)?.backends ?? [])
    .filter(
      ({ outstanding, pendingPromptTokens }) => outstanding !== 0 || pendingPromptTokens !== 0,
    )
    .map((b) => `${b.outstanding} requests and ${b.pendingPromptTokens} prompt tokens on ${b.id}`)
}

/** When a client hung up, and whatever is the same instant. */
function hungUpMs({ sentMs }: RunResult, { timeoutMs }: TinyRun, request: number): number {
  return (sentMs[request]! + timeoutMs!) * (1 + 1e-11)
}

/** When a request is to be sent that has been completed: when all it waits for has ended, and it has thought. */
function dueOf({ requests, outcomes }: RunResult, request: number): number {
  const ends = awaitedBy(requests, request).map((row) => outcomes.finishedMs[row]!)
  const thinkMs = requests.thinkMs?.[request] ?? 0
  return Math.max(requests.arrivalMs[request]!, ...ends.map((endMs) => endMs + thinkMs))
}
