import { expect, test } from 'vitest'
import { type NativeHost, nativeParts } from './native-module.js'

/** A host that answers nothing. */
const nobody = new Proxy({} as NativeHost, {
  get: (_, name) => () => {
    throw new Error(`asked for ${String(name)}`)
  },
})

test('memory that is taken is 0, and none of it is taken twice', () => {
  const { memory, start } = nativeParts()!
  const engine = start(nobody)
  const first = engine.memoryFor(3_000_000)
  const column = new Int32Array(memory.buffer, first, 750_000)
  column.fill(-1)
  const second = engine.memoryFor(3_000_000)
  expect(second).toBeGreaterThanOrEqual(first + 3_000_000)
  expect(new Int32Array(memory.buffer, second, 750_000).every((value) => value === 0)).toBe(true)
  // It has grown since, and what stood there stands where it was.
  expect(column.every((value) => value === -1)).toBe(true)
})

test('what does not fit into the addresses of WebAssembly is refused', () => {
  const engine = nativeParts()!.start(nobody)
  expect(() => engine.memoryFor(0xffff_fff0)).toThrow('asked for refuseMemory')
})
