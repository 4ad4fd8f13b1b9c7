import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Clock } from '../kernel/clock.js'
import { PromptRuns } from '../requests/prompt-runs.js'
import { NO_NODE } from '../requests/prompt-tree.js'
import { RequestTableBuilder } from '../requests/request-table-builder.js'
import { SentPrefixes } from './sent-prefixes.js'

const BLOCK_TOKENS = [2, 3, 4]
const TTL_MS = 10

/** A prompt of letters, each one token, the last few of which are its own and unlike all others. */
const prompt = fc.record({
  letters: fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 14 }),
  own: fc.integer({ min: 0, max: 5 }),
})

const step = fc.record({
  kind: fc.constantFrom('sent', 'sent', 'sent', 'gone'),
  request: fc.nat(5),
  backend: fc.nat(BLOCK_TOKENS.length - 1),
  afterMs: fc.integer({ min: 0, max: 6 }),
})

test('a backend is taken to hold the whole blocks that it was sent not long ago', () => {
  let found = 0
  fc.assert(
    fc.property(
      fc.array(prompt, { minLength: 2, maxLength: 6 }),
      fc.array(step, { maxLength: 12 }),
      (prompts, steps) => {
        const builder = new RequestTableBuilder()
        const texts = prompts.map(({ letters, own }, arrivalMs) => {
          let node = NO_NODE
          for (const letter of letters) node = builder.prompts.block(node, letter, 1)
          const promptTokens = letters.length + own
          builder.add({ arrivalMs, promptTokens, outputTokens: 1, promptNode: node })
          return { shared: letters.join(''), promptTokens }
        })
        const requests = builder.build()
        const runs = new PromptRuns(requests, requests)
        const clock = new Clock()
        const blockTokens = Int32Array.from(BLOCK_TOKENS)
        const made = { clock, requests, runs: () => runs, blockTokens, ttlMs: TTL_MS }
        const prefixes = new SentPrefixes(made)
        let sent: { text: string; backend: number; atMs: number }[] = []
        const out = new Int32Array(BLOCK_TOKENS.length)
        for (const { kind, request, backend, afterMs } of steps) {
          clock.reach(clock.nowMs + afterMs)
          if (kind === 'gone') {
            prefixes.forget(backend)
            sent = sent.filter((each) => each.backend !== backend)
            continue
          }
          const row = request % texts.length
          const { shared, promptTokens } = texts[row]!
          prefixes.match(row, out)
          const size = (id: number) => BLOCK_TOKENS[id]!
          const known = BLOCK_TOKENS.map((_, id) => {
            const recent = sent.filter(
              (each) => each.backend === id && clock.nowMs - each.atMs < TTL_MS,
            )
            let tokens = 0
            while (
              tokens + size(id) < promptTokens &&
              tokens + size(id) <= shared.length &&
              recent.some(({ text }) => text.startsWith(shared.slice(0, tokens + size(id))))
            )
              tokens += size(id)
            return tokens
          })
          expect([...out]).toEqual(known)
          found += Math.max(...known)
          prefixes.sent(row, backend)
          // Of a prompt the last token is in no block.
          const blocks = Math.floor((promptTokens - 1) / size(backend))
          const text = shared.slice(0, blocks * size(backend))
          sent.push({ text, backend, atMs: clock.nowMs })
        }
      },
    ),
  )
  expect(found).toBeGreaterThan(100)
})
