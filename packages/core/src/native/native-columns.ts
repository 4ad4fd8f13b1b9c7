/** Columns of a run that stand in the memory of the native engine. */
export interface NativeColumns {
  readonly time: Float64Array
  readonly endMs: Float64Array
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
