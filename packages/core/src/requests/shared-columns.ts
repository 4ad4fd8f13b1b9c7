/**
 * A column of 32-bit integers in memory that worker threads can share. In a page that is not cross-origin isolated,
 * which has no such memory, one of its own: a worker gets a copy then.
 */
export function sharedInt32(length: number): Int32Array {
  return new Int32Array(bufferOf(length * Int32Array.BYTES_PER_ELEMENT))
}

/** The same for 64-bit floats. */
export function sharedFloat64(length: number): Float64Array {
  return new Float64Array(bufferOf(length * Float64Array.BYTES_PER_ELEMENT))
}

function bufferOf(bytes: number): ArrayBufferLike {
  return hasSharedMemory() ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
}

/** Whether a column is where it can be handed over as it is: shared, or nothing can be. */
export function isShared({ buffer }: Int32Array | Float64Array): boolean {
  return !hasSharedMemory() || buffer instanceof SharedArrayBuffer
}

function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== 'undefined'
}
