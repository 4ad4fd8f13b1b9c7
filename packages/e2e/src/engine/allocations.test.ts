import { fileURLToPath } from 'node:url'
import { builtinRouters } from '@routesim/algorithms'
import { expect, test } from 'vitest'
import { command } from '../testing/command.js'

const MEASURE = fileURLToPath(new URL('measure-allocations.mjs', import.meta.url))

/** Bytes allocated per routed request. */
interface Allocated {
  readonly boxes: number
  /** In anything but lone numbers. */
  readonly objects: number
}

// Columns grow now and then, and V8 compiles: half the least object for each request.
const MOST_OBJECT_BYTES = 8
// A number that crosses a call which V8 chose not to inline is boxed, and what it inlines differs from
// process to process: so a handful of those are let pass, and a number per backend is not.
const MOST_BOX_BYTES = 96

/** Their index remembers the prompts they have sent: what it takes per request is memory they keep. */
const REMEMBERING = ['sglang_cache_aware']

/**
 * Those that let requests wait: `dualmap` says until when, a decision of 40 bytes for each that does, now and then twice;
 * `aibrix_slo` keeps an account of each, what every backend had of it included.
 */
const WAITING: Readonly<Record<string, number>> = { dualmap: 48, aibrix_slo: 1000 }

const names = builtinRouters.map(({ name }) => name)

test.each(names.filter((name) => !REMEMBERING.includes(name)))(
  'in its steady state %s allocates no object per routed request',
  // What V8 makes of a process differs, most of all on a busy machine: then another one.
  { retry: 2 },
  async (name) => {
    const { stdout, stderr } = await command(process.execPath, [MEASURE, name])
    expect(stderr).toBe('')
    const { boxes, objects } = JSON.parse(stdout) as Allocated
    expect(objects).toBeLessThanOrEqual(WAITING[name] ?? MOST_OBJECT_BYTES)
    expect(boxes).toBeLessThanOrEqual(MOST_BOX_BYTES)
  },
)
