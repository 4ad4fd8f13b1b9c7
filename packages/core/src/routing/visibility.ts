/** How requests are dealt out to several routers; a session's requests all go to one with `session`. */
export type RouterSplit = 'random' | 'round_robin' | 'session'

/** Metrics that a router polls: `waiting`, `running` and `kvUsage` of backends. */
export interface PolledMetrics {
  /** From one sample to the next, in ms, greater than 0. */
  readonly intervalMs: number
  /** From a sample to the router, in ms. */
  readonly delayMs: number
  /** Share of samples that never arrive, 0 to 1, drawn for each backend. */
  readonly dropProbability: number
}

/** A router takes what it has sent itself to be cached there for some time, as a live one without KV events does. */
export interface ApproximatePrefixes {
  /** For how long, in ms, greater than 0. */
  readonly ttlMs: number
}

/** KV events that a router receives: what it knows of prefix caches. */
export interface DeliveredKvEvents {
  /** From the change to the router, in ms. */
  readonly delayMs: number
  /**
   * Share of messages that never arrive, 0 to 1. What a backend says at one time is one message. Blocks
   * that follow a lost one stay unknown, too.
   */
  readonly lossProbability: number
  /** Whether the router starts with the measured part of the run, and has missed what came before. */
  readonly startsEmpty: boolean
  /** Whether a backend that restarts says that its cache is empty. */
  readonly clearsOnRestart: boolean
}

/**
 * What routers get to see, and when. Requests that a router itself has sent, and that have not ended, it
 * counts exactly: `outstanding` and `pendingPromptTokens` of backends.
 */
export interface Visibility {
  /** What results call it. */
  readonly name: string
  /**
   * `live` shows the true figures of this instant. With `none` the router's own requests stand in for them at once, as
   * in a live router that does not poll: those without a first token wait, the others run, and each holds its prompt
   * and its `maxTokens` of the KV cache.
   */
  readonly metrics: 'live' | 'none' | PolledMetrics
  /** What `prefixMatch` knows: the true caches of this instant, nothing, what was sent, or what KV events have told. */
  readonly prefixes: 'live' | 'none' | ApproximatePrefixes | DeliveredKvEvents
  /** Routers side by side, each with an algorithm of its own. */
  readonly routers: {
    /** At least 1. */
    readonly replicas: number
    readonly split: RouterSplit
    /** From one exchange of `outstanding` and `pendingPromptTokens` to the next, in ms; 0 for none. */
    readonly syncMs: number
  }
  /** How long a router works on a request before it decides: on different requests at once. */
  readonly decision: {
    readonly fixedMs: number
    readonly perTokenMs: number
  }
  /**
   * Standard deviation of the logarithm of the error of `promptTokens`: 0 where routers tokenize, about
   * 0.2 where they divide characters by four.
   */
  readonly tokenError: number
  /** From a question of a router to a backend to its answer, in ms; 0 if absent. */
  readonly queryMs?: number
  /** From an event of a backend (it fails, is added...) to the time at which routers see it, in ms; 0 if absent. */
  readonly healthDelayMs?: number
}

/** Whether routers are told of KV events. */
export function tellsKvEvents(prefixes: Visibility['prefixes']): prefixes is DeliveredKvEvents {
  return typeof prefixes !== 'string' && !('ttlMs' in prefixes)
}

/** True when routers see everything, at once: what is simulated when nothing else is said. */
export function isExact(visibility: Visibility): boolean {
  const { metrics, prefixes, routers, decision, tokenError, queryMs = 0 } = visibility
  return (
    metrics === 'live' &&
    prefixes === 'live' &&
    routers.replicas === 1 &&
    decision.fixedMs === 0 &&
    decision.perTokenMs === 0 &&
    tokenError === 0 &&
    queryMs === 0
  )
}
