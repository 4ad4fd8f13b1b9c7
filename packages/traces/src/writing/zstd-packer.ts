import { Transform } from 'node:stream'
import * as zlib from 'node:zlib'

/** Fulfilled when the one that packs in WebAssembly is free: it packs one stream at a time. */
let free: Promise<void> = Promise.resolve()

/** Packs with Zstandard: Node's own where it has one (22.15 and later), else one in WebAssembly. */
export async function zstdPacker(): Promise<Transform> {
  const { createZstdCompress } = zlib as { createZstdCompress?: () => Transform }
  if (createZstdCompress !== undefined) return createZstdCompress()
  const { Zstd } = await import('@hpcc-js/wasm-zstd')
  const zstd = await Zstd.load()
  const before = free
  let leave = (): void => {}
  free = new Promise((resolve) => {
    leave = resolve
  })
  await before
  zstd.reset()
  return new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => done(null, zstd.compressChunk(chunk)),
    flush: (done) => done(null, zstd.compressEnd()),
    destroy(error, done) {
      leave()
      done(error)
    },
  })
}
