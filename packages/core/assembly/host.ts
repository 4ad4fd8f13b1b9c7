/** What the run is asked for outside; see `native-run.ts`. */

/** The next entry of the sorted column comes. */
export declare function enter(entry: i32): void
/** A scheduled event is due, in the instant that ends then. */
export declare function eventDue(endMs: f64): void
/** Writes the durations of the steps that begin on a backend, as {@link segment} says. */
export declare function latency(backend: i32): void
export declare function firstTokenProduced(request: i32, backend: i32): void
export declare function requestFinished(request: i32, backend: i32): void
/** The prompt of a request that decodes elsewhere is computed. */
export declare function prefillFinished(request: i32): void
/** A handed-over request has its blocks; so many tokens of KV must be fetched. */
export declare function transferStarted(request: i32, tokens: i32): void
/** A backend has no step to start, in a run in which requests were handed over. */
export declare function idles(backend: i32): void
/** The gaps that are kept are handed on. */
export declare function flushGaps(): void
/** A time is none, or past, or a step takes no time. */
export declare function refuseAlarm(backend: i32): void
/** There is no more memory. */
export declare function refuseMemory(): void
export declare function refuseLatency(backend: i32): void
/** The rank that the local policy of a backend gives to a request that joins its queue, no NaN. */
export declare function rankOf(backend: i32, request: i32): f64
/** A request begins (1) or ends (-1) to decode. @returns tokens of context that are read once more, or less */
export declare function sharedReads(backend: i32, request: i32, by: i32): i32
