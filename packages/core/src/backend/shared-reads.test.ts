import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { BackendSpec } from '../engine/simulation-options.js'
import type { KvCache } from '../kv-cache/kv-cache.js'
import { NO_NODE } from '../requests/prompt-tree.js'
import { RequestTableBuilder } from '../requests/request-table-builder.js'
import { sharedContextTokens } from './reference/reference-shared-reads.js'
import { SharedReads } from './shared-reads.js'

const kv = { sharesPrefixes: true } as KvCache

function spec(blockTokens: number, readsSharedOnce = true): BackendSpec {
  return { latency: { readsSharedOnce }, kv: { blocks: 1, blockTokens } } as BackendSpec
}

test('by hand: three prompts of which two go on alike', () => {
  const builder = new RequestTableBuilder()
  const system = builder.prompts.block(NO_NODE, 'system', 70)
  const question = builder.prompts.block(system, 'question', 40)
  const add = (promptTokens: number, promptNode: number): void => {
    builder.add({ arrivalMs: 0, promptTokens, outputTokens: 9, promptNode })
  }
  add(110, question)
  add(110, question)
  add(90, builder.prompts.block(system, 'other', 20))
  const reads = new SharedReads(builder.build(), [spec(16)], kv)
  expect(reads.join(0, 0)).toBe(0)
  // The system prompt fills four blocks of 16, and both questions the next two.
  expect(reads.join(0, 2)).toBe(64)
  expect(reads.join(0, 1)).toBe(64 + 32)
  expect(reads.leave(0, 0)).toBe(64 + 32)
  expect(reads.leave(0, 2)).toBe(64)
  expect(reads.leave(0, 1)).toBe(0)
})

test('nothing is counted that nobody asks for, or that is not shared', () => {
  const builder = new RequestTableBuilder()
  const node = builder.prompts.block(NO_NODE, 'system', 64)
  for (let i = 0; i < 2; i++)
    builder.add({ arrivalMs: i, promptTokens: 64, outputTokens: 1, promptNode: node })
  const requests = builder.build()
  const joined = (backend: BackendSpec, cache: KvCache): number => {
    const reads = new SharedReads(requests, [backend], cache)
    return reads.join(0, 0) + reads.join(0, 1)
  }
  expect(joined(spec(16), kv)).toBe(64)
  expect(joined(spec(16, false), kv)).toBe(0)
  expect(joined(spec(16), {} as KvCache)).toBe(0)
})

test('any batches agree with counting node by node', () => {
  const prompt = fc.record({
    letters: fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 6 }),
    nodeTokens: fc.constantFrom(3, 8),
    // What the path has beyond the prompt, or the prompt beyond the path.
    beyond: fc.integer({ min: -9, max: 9 }),
  })
  fc.assert(
    fc.property(
      fc.array(prompt, { minLength: 2, maxLength: 8 }),
      fc.array(fc.tuple(fc.nat(7), fc.nat(1)), { maxLength: 30 }),
      (prompts, changes) => {
        const builder = new RequestTableBuilder()
        prompts.forEach(({ letters, nodeTokens, beyond }, arrivalMs) => {
          let node = NO_NODE
          for (const letter of letters) {
            node = builder.prompts.block(node, `${letter}${nodeTokens}`, nodeTokens)
          }
          const promptTokens = Math.max(1, letters.length * nodeTokens - beyond)
          builder.add({ arrivalMs, promptTokens, outputTokens: 1, promptNode: node })
        })
        const requests = builder.build()
        const blockTokens = [4, 5]
        const reads = new SharedReads(
          requests,
          blockTokens.map((tokens) => spec(tokens)),
          kv,
        )
        const batches = blockTokens.map(() => new Set<number>())
        const counted = [0, 0]
        for (const [pick, backend] of changes) {
          const request = pick % prompts.length
          const batch = batches[backend]!
          if (batch.delete(request)) {
            counted[backend]! -= reads.leave(backend, request)
          } else {
            counted[backend]! += reads.join(backend, request)
            batch.add(request)
          }
        }
        batches.forEach((batch, backend) => {
          const rows = Int32Array.from(batch)
          expect(counted[backend]).toBe(sharedContextTokens(requests, rows, blockTokens[backend]!))
        })
      },
    ),
  )
})
