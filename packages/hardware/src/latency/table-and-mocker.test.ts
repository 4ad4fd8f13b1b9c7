import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyStep, segmentError, stepOf } from '../testing/segments.js'
import { affineLatency } from './affine-latency.js'
import { type LatencyTableRow, parseLatencyTable } from './latency-table.js'
import { mockerLatency } from './mocker-latency.js'
import { tableLatency } from './table-latency.js'

function row(
  prefillTokens: number,
  decodeRequests: number,
  contextTokens: number,
  stepMs: number,
): LatencyTableRow {
  return { prefillTokens, decodeRequests, contextTokens, stepMs }
}

const small = [
  row(0, 1, 100, 10),
  row(0, 1, 1100, 20),
  row(0, 11, 100, 30),
  row(0, 11, 1100, 60),
  row(1000, 0, 0, 50),
  row(1000, 1, 100, 60),
  row(1000, 1, 1100, 70),
  row(1000, 11, 100, 80),
  row(1000, 11, 1100, 110),
]

/** Tables of any shape and times, grids as they must be. */
const anyTable = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: 8192 }), { minLength: 1, maxLength: 4 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 4 }),
    fc.uniqueArray(fc.nat(20_000), { minLength: 1, maxLength: 5 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 100_000 })),
  )
  .map(([prefill, decode, context, times]) => {
    const ms = (): number => Number(times.next().value) / 1000
    return [0, ...prefill].flatMap((p) =>
      [0, ...decode].flatMap((d) => (d === 0 ? [0] : context).map((c) => row(p, d, c, ms()))),
    )
  })

describe('tableLatency', () => {
  const latency = tableLatency(small)

  test('gives back what was measured', () => {
    for (const { prefillTokens, decodeRequests, contextTokens, stepMs } of small) {
      const step = stepOf(prefillTokens, 0, decodeRequests, decodeRequests * contextTokens)
      expect(latency.stepMs(step)).toBe(stepMs)
    }
  })

  test('goes straight in between and on, and holds below', () => {
    expect(latency.stepMs(stepOf(0, 0, 1, 600))).toBe(15)
    expect(latency.stepMs(stepOf(0, 0, 6, 6 * 600))).toBe(30)
    expect(latency.stepMs(stepOf(500, 0, 6, 6 * 600))).toBe(55)
    expect(latency.stepMs(stepOf(0, 0, 1, 2100))).toBe(30)
    expect(latency.stepMs(stepOf(0, 0, 1, 5))).toBe(10)
    // Nothing at all takes as long as the least step beside it: 10 ms.
    expect(latency.stepMs(stepOf(500, 0, 0, 0))).toBe(30)
  })

  test('needs no step of nothing where it knows one context only', () => {
    const rows = [row(0, 1, 100, 10), row(1000, 0, 0, 50), row(1000, 1, 100, 60)]
    expect(tableLatency(rows).stepMs(stepOf(500, 0, 0, 0))).toBe(30)
  })

  test('raises measurements that fall where work grows', () => {
    const noisy = tableLatency(small.map((r) => (r.stepMs === 20 ? { ...r, stepMs: 9 } : r)))
    expect(noisy.stepMs(stepOf(0, 0, 1, 1100))).toBe(10)
  })

  test('a segment is what its steps are one by one', () => {
    fc.assert(
      fc.property(anyTable, anyStep, (rows, step) => {
        expect(segmentError(tableLatency(rows), step)).toBeLessThan(1e-9)
      }),
      { numRuns: 500 },
    )
  })

  test('takes time however far beyond the table', () => {
    fc.assert(
      fc.property(anyTable, anyStep, (rows, step) => {
        const least = Math.min(...rows.map((r) => r.stepMs))
        expect(tableLatency(rows).stepMs(step)).toBeGreaterThanOrEqual(least * (1 - 1e-12))
      }),
    )
  })

  test('a segment ends at the next measured context', () => {
    const out = { baseMs: 0, slopeMs: 0, steps: 0 }
    latency.segment(stepOf(0, 0, 1, 600), out)
    expect(out).toEqual({ baseMs: 15, slopeMs: 0.01, steps: 501 })
  })

  test('more work never takes less time within the table', () => {
    fc.assert(
      fc.property(
        anyTable,
        fc.tuple(fc.nat(8192), fc.nat(256), fc.nat(20_000)),
        fc.tuple(fc.nat(500), fc.nat(50), fc.nat(500)),
        (rows, [prompt, decodes, context], [morePrompt, moreDecodes, moreContext]) => {
          fc.pre(prompt + decodes > 0)
          const model = tableLatency(rows)
          const largest = (key: 'prefillTokens' | 'decodeRequests' | 'contextTokens'): number =>
            Math.max(...rows.map((r) => r[key]))
          fc.pre(context + moreContext <= largest('contextTokens'))
          fc.pre(prompt + morePrompt <= largest('prefillTokens'))
          fc.pre(decodes + moreDecodes <= largest('decodeRequests'))
          const after = decodes + (decodes === 0 ? 0 : moreDecodes)
          const less = model.stepMs(stepOf(prompt, 0, decodes, decodes * context))
          const more = model.stepMs(
            stepOf(prompt + morePrompt, 0, after, after * (context + moreContext)),
          )
          expect(less).toBeGreaterThan(0)
          expect(more).toBeGreaterThanOrEqual(less * (1 - 1e-12))
        },
      ),
    )
  })

  test.each([
    [
      small.slice(1),
      'latency table: expected every combination of its values, missing: prefill_tokens 0, decode_requests 1, context_tokens 100',
    ],
    [
      small.filter((r) => r.prefillTokens === 0),
      'latency table: prefill_tokens: expected at least two values, one of them 0, got 0',
    ],
    [[], 'latency table: prefill_tokens: expected at least two values, one of them 0, got none'],
    [
      small.map((r) => ({ ...r, prefillTokens: r.prefillTokens + 512 })),
      'latency table: prefill_tokens: expected at least two values, one of them 0, got 512, 1512',
    ],
    [
      small.filter((r) => r.decodeRequests > 0),
      'latency table: decode_requests: expected at least two values, one of them 0, got 1, 11',
    ],
  ])('refuses holes', (rows, message) => {
    const error = expect.objectContaining({ code: 'latency_table_invalid', message })
    expect(() => tableLatency(rows)).toThrow(error)
  })
})

test('a table with two times for one step is refused, and with the same time twice it is not', () => {
  const rowsOf = 'rows 0,1,100,10 and 0,1,100,99 (prefill_tokens'
  expect(() => tableLatency([...small, row(0, 1, 100, 99)])).toThrow(rowsOf)
  const noDecodes = 'rows 1000,0,0,50 and 1000,0,7,40 (prefill_tokens'
  expect(() => tableLatency([...small, row(1000, 0, 7, 40)])).toThrow(noDecodes)
  const twice = tableLatency([...small, small[0]!, row(1000, 0, 7, 50)])
  expect(twice.stepMs(stepOf(0, 0, 1, 100))).toBe(10)
})

describe('parseLatencyTable', () => {
  test('reads columns in any order and leaves others alone', () => {
    const csv = 'step_ms,note,prefill_tokens,context_tokens,decode_requests\n12.5,"x",0,100,4\r\n\n'
    expect(parseLatencyTable(csv)).toEqual([row(0, 4, 100, 12.5)])
  })

  test.each([
    [
      'prefill_tokens,step_ms\n',
      't.csv:1: expected the columns prefill_tokens, decode_requests, context_tokens, step_ms; missing: decode_requests, context_tokens',
    ],
    [
      'prefill_tokens,decode_requests,context_tokens,step_ms\n0,1,2,fast',
      't.csv:2: step_ms: expected a number > 0, got "fast"',
    ],
    [
      'prefill_tokens,decode_requests,context_tokens,step_ms\n0,1,2,0',
      't.csv:2: step_ms: expected a number > 0, got "0"',
    ],
    [
      'prefill_tokens,decode_requests,context_tokens,step_ms\n0,1,Infinity,3',
      't.csv:2: context_tokens: expected a number >= 0, got "Infinity"',
    ],
    [
      'prefill_tokens,decode_requests,context_tokens,step_ms\n0,-1,2,3',
      't.csv:2: decode_requests: expected a number >= 0, got "-1"',
    ],
    [
      'prefill_tokens,decode_requests,context_tokens,step_ms\n0,1',
      't.csv:2: context_tokens: expected a number >= 0, got ""',
    ],
  ])('refuses %j', (csv, message) => {
    expect(() => parseLatencyTable(csv, 't.csv')).toThrow(message)
  })
})

describe('mockerLatency', () => {
  const latency = mockerLatency({ totalKvTokens: 64_000 })

  test('golden values of the polynomials', () => {
    expect(latency.stepMs(stepOf(1000, 0, 0, 0))).toBeCloseTo(32.106, 3)
    expect(latency.stepMs(stepOf(8192, 0, 0, 0))).toBeCloseTo(169.14, 2)
    expect(latency.stepMs(stepOf(0, 0, 1, 32_000))).toBeCloseTo(26.31, 9)
    expect(latency.stepMs(stepOf(0, 0, 1, 64_000))).toBeCloseTo(34.01, 9)
    expect(latency.stepMs(stepOf(0, 0, 1, 99_000))).toBeCloseTo(34.01, 9)
    expect(latency.stepMs(stepOf(1000, 0, 1, 32_000))).toBeCloseTo(32.106 + 26.31, 3)
  })

  test('the pieces follow the curve to 1.6 µs', () => {
    for (let context = 0; context < 64_000; context += 37) {
      const share = context / 64_000
      const curve = (-25.74 * share + 54.01) * share + 5.74
      const ms = latency.stepMs(stepOf(0, 0, 1, context))
      expect(curve - ms).toBeLessThan(0.0016)
      expect(ms - curve).toBeLessThan(1e-9)
    }
  })

  test('a segment is what its steps are one by one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000 }), anyStep, (totalKvTokens, step) => {
        expect(segmentError(mockerLatency({ totalKvTokens }), step)).toBeLessThan(1e-9)
      }),
      { numRuns: 500 },
    )
  })

  test('refuses an empty KV cache', () => {
    expect(() => mockerLatency({ totalKvTokens: 0 })).toThrow(
      'totalKvTokens: expected a finite number > 0, got 0',
    )
  })
})

describe('affineLatency with attention', () => {
  const prices = {
    baseMs: 6,
    prefillMsPerToken: 0.05,
    decodeMsPerRequest: 0.04,
    decodeMsPerContextToken: 3e-5,
  }

  test('charges cached context to prompts, and decodes more in mixed steps', () => {
    const latency = affineLatency({
      ...prices,
      mixedDecodeMsPerContextToken: 5e-5,
      prefillMsPerAttentionPair: 1e-6,
    })
    expect(latency.stepMs(stepOf(10, 90, 2, 1000))).toBeCloseTo(6 + 0.5 + 0.08 + 0.05 + 955e-6, 12)
    expect(latency.stepMs(stepOf(0, 0, 2, 1000))).toBeCloseTo(6 + 0.08 + 0.03, 12)
    const out = { baseMs: 0, slopeMs: 0, steps: 0 }
    latency.segment({ ...stepOf(10, 90, 2, 1000), prefillRequests: 2 }, out)
    expect(out.steps).toBe(1)
    // One prompt token makes a step a mixed one.
    expect(latency.stepMs(stepOf(1, 0, 2, 1000))).toBeCloseTo(6 + 0.05 + 0.08 + 0.05 + 1e-6, 12)
  })

  test('a segment is what its steps are one by one', () => {
    fc.assert(
      fc.property(anyStep, fc.nat(100), fc.nat(100), (step, mixed, pair) => {
        const latency = affineLatency({
          ...prices,
          mixedDecodeMsPerContextToken: mixed / 1e6,
          prefillMsPerAttentionPair: pair / 1e8,
        })
        expect(segmentError(latency, step)).toBeLessThan(1e-9)
      }),
    )
  })
})
