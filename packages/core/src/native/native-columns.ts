import type { NativeColumnName, NativeExports } from './native-module.js'

/** Columns of a run that stand in the memory of the native engine: by backend, or by request. */
export interface NativeColumns {
  readonly waiting: Int32Array
  readonly running: Int32Array
  readonly outstanding: Int32Array
  readonly pendingPromptTokens: Float64Array
  readonly backend: Int32Array
  readonly isHandedOver: Uint8Array
  readonly isTransferring: Uint8Array
  readonly emittedTokens: Int32Array
  readonly computedTokens: Int32Array
  readonly cachedTokens: Int32Array
  readonly preemptions: Int32Array
  readonly admission: Int32Array
  readonly finishStep: Int32Array
  readonly admittedMs: Float64Array
  readonly firstTokenMs: Float64Array
  readonly lastTokenMs: Float64Array
}

/** Finds columns in the memory of a native engine. What it takes later does not move them. */
export class NativeMemory {
  private readonly engine: NativeExports
  private readonly memory: { readonly buffer: ArrayBufferLike }

  constructor(engine: NativeExports, memory: { readonly buffer: ArrayBufferLike }) {
    this.engine = engine
    this.memory = memory
  }

  ints(name: NativeColumnName, length: number): Int32Array {
    return this.intsAt(this.engine[name].value, length)
  }

  intsAt(at: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, at, length)
  }

  floats(name: NativeColumnName, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, this.engine[name].value, length)
  }

  bytes(name: NativeColumnName, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.engine[name].value, length)
  }

  columns(backends: number, requests: number): NativeColumns {
    const byBackend = (name: NativeColumnName) => this.ints(name, backends)
    const byRequest = (name: NativeColumnName) => this.ints(name, requests)
    const times = (name: NativeColumnName) => this.floats(name, requests)
    return {
      waiting: byBackend('waiting'),
      running: byBackend('running'),
      outstanding: byBackend('outstanding'),
      pendingPromptTokens: this.floats('pendingPromptTokens', backends),
      backend: byRequest('decodesOn'),
      isHandedOver: this.bytes('isHandedOver', requests),
      isTransferring: this.bytes('isTransferring', requests),
      emittedTokens: byRequest('emittedTokens'),
      computedTokens: byRequest('computedTokens'),
      cachedTokens: byRequest('cachedTokens'),
      preemptions: byRequest('preemptions'),
      admission: byRequest('admission'),
      finishStep: byRequest('finishStep'),
      admittedMs: times('admittedMs'),
      firstTokenMs: times('firstTokenMs'),
      lastTokenMs: times('lastTokenMs'),
    }
  }
}
