import { ENGINE_BYTES } from './engine-bytes.js'

/** What the native engine calls; see `assembly/host.ts`. */
export interface NativeHost {
  enter(entry: number): void
  eventDue(endMs: number): void
  latency(backend: number): void
  firstTokenProduced(request: number, backend: number): void
  requestFinished(request: number, backend: number): void
  prefillFinished(request: number): void
  transferStarted(request: number, tokens: number): void
  idles(backend: number): void
  flushGaps(): void
  refuseAlarm(backend: number): void
  refuseMemory(): void
  refuseLatency(backend: number): void
  rankOf(backend: number, request: number): number
  sharedReads(backend: number, request: number, by: number): number
}

/** Columns of the engine, by the names that they have in `assembly`. */
export type NativeColumnName =
  | 'admission'
  | 'admittedMs'
  | 'cachedTokens'
  | 'computedTokens'
  | 'counters'
  | 'decodesOn'
  | 'dueEvents'
  | 'emittedTokens'
  | 'endMs'
  | 'entryMs'
  | 'evictable'
  | 'evictions'
  | 'finishStep'
  | 'firstTokenMs'
  | 'freeBlocks'
  | 'gaps'
  | 'gapsUsed'
  | 'isHandedOver'
  | 'isTransferring'
  | 'lastTokenMs'
  | 'nextMs'
  | 'outputTokens'
  | 'outstanding'
  | 'pendingPromptTokens'
  | 'preemptions'
  | 'promptTokens'
  | 'running'
  | 'segment'
  | 'sharesAnswer'
  | 'time'
  | 'waiting'

/** What it can be asked, and where its columns begin; see `assembly/index.ts`. */
export interface NativeExports extends Record<NativeColumnName, { readonly value: number }> {
  begin(
    backends: number,
    requests: number,
    measuredFrom: number,
    isCaching: number,
    sizes: number,
    depth: number,
    wideFrom: number,
    largestBatch: number,
  ): void
  blockSize(blockTokens: number, nodes: number): number
  memoryFor(bytes: number): number
  backend(
    id: number,
    maxBatchTokens: number,
    maxBatch: number,
    places: number,
    isChunking: number,
    countsShared: number,
    hasRanks: number,
    blocks: number,
    blockTokens: number,
    holders: number,
  ): void
  start(): void
  decodeCount(backend: number): number
  accept(backend: number, request: number): void
  enqueue(backend: number, request: number): void
  enqueueHandedOver(backend: number, request: number): void
  transferCompleted(backend: number, request: number): void
  releaseHandedOver(backend: number, request: number): void
  touch(backend: number): void
  match(request: number, out: number): void
  count(backend: number): void
  alarmChanged(backend: number): void
  alarmCleared(backend: number): void
  decodeAt(backend: number, i: number): number
  emittedNow(backend: number, request: number): number
  earliestMs(): number
  isMoving(): number
  run(most: number, untilMs: number): number
  settleLater(backend: number): void
  verifyCache(): number
  sync(backend: number): void
  syncMatches(request: number): void
  syncSettled(backend: number): void
}

/** What this uses of WebAssembly, which the types of Node do not name. */
interface WebAssembly {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
  readonly Memory: new (options: {
    initial: number
    maximum: number
    shared: boolean
  }) => { readonly buffer: SharedArrayBuffer }
}

type Memory = InstanceType<WebAssembly['Memory']>

/** What a native engine is made of. */
export interface NativeParts {
  readonly memory: Memory
  /** Starts it, once. */
  start(host: NativeHost): NativeExports
}

let compiled: object | undefined
let isMissing = false

/** Parts of one native engine, undefined where there is no WebAssembly, no shared memory or no room for its addresses. */
export function nativeParts(): NativeParts | undefined {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly?: WebAssembly }
  if (wasm === undefined || isMissing) return undefined
  try {
    compiled ??= new wasm.Module(Uint8Array.from(atob(ENGINE_BYTES), (byte) => byte.charCodeAt(0)))
    // Shared, so that columns stay where they are when it grows.
    const memory = new wasm.Memory({ initial: 16, maximum: 65_536, shared: true })
    const start = (host: NativeHost): NativeExports =>
      new wasm.Instance(compiled!, { env: { memory }, host }).exports as NativeExports
    return { memory, start }
  } catch {
    isMissing = true
    return undefined
  }
}
