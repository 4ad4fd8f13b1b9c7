import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PromptRuns } from './prompt-runs.js'
import { NO_NODE } from './prompt-tree.js'
import { RequestTableBuilder } from './request-table-builder.js'

/** Runs of a prompt as `id:end`. */
function reader(runs: PromptRuns): (request: number) => [id: number, end: number][] {
  return (request) => {
    const path: [number, number][] = []
    runs.write(request, {
      clear: () => path.splice(0),
      push: (id, endTokens) => path.push([id, endTokens]),
    })
    return path
  }
}

test('an answer that the next prompt repeats is a run of its own', () => {
  const builder = new RequestTableBuilder()
  const first = builder.prompts.stream(NO_NODE, 'a', 150)
  const second = builder.prompts.stream(first, 'b', 260)
  builder.add({ arrivalMs: 0, promptTokens: 100, outputTokens: 50, promptNode: first })
  builder.add({ arrivalMs: 1, promptTokens: 200, outputTokens: 60, promptNode: second })
  builder.add({ arrivalMs: 2, promptTokens: 80, outputTokens: 1 })
  const table = builder.build()
  const read = reader(new PromptRuns(table, table))
  expect(read(0)).toEqual([[0, 100]])
  expect(read(1)).toEqual([
    [0, 100],
    [1, 150],
    [2, 200],
  ])
  expect(read(2)).toEqual([])
})

test('the head of a prompt is the run that holds its last token', () => {
  const builder = new RequestTableBuilder()
  const first = builder.prompts.stream(NO_NODE, 'a', 40)
  const second = builder.prompts.stream(first, 'b', 60)
  builder.add({ arrivalMs: 0, promptTokens: 100, outputTokens: 50, promptNode: first })
  builder.add({ arrivalMs: 1, promptTokens: 200, outputTokens: 60, promptNode: second })
  builder.add({ arrivalMs: 2, promptTokens: 30, outputTokens: 1, promptNode: first })
  builder.add({ arrivalMs: 3, promptTokens: 80, outputTokens: 1 })
  const table = builder.build()
  const runs = new PromptRuns(table, table)
  const heads = (request: number) => [10, 35, 50, 70].map((tokens) => runs.headOf(request, tokens))
  // Runs end at 30, as a prompt does, at 40 and at 60.
  expect(heads(0)).toEqual([0, 1, -1, -1])
  expect(heads(1)).toEqual([0, 1, 2, -1])
  expect(heads(2)).toEqual([0, 0, 0, 0])
  expect(heads(3)).toEqual([-1, -1, -1, -1])
})

test('nodes are whole where no prompt is said to end within one', () => {
  const builder = new RequestTableBuilder()
  const promptNode = builder.prompts.stream(NO_NODE, 'a', 150)
  builder.add({ arrivalMs: 0, promptTokens: 100, outputTokens: 50, promptNode })
  const runs = new PromptRuns(builder.build(), undefined)
  expect([runs.firstOf(0), runs.firstOf(1), runs.endOf(0)]).toEqual([0, 1, 150])
  expect(reader(runs)(0)).toEqual([[0, 100]])
})

test('two prompts share a run exactly where their contents are equal', () => {
  // A prompt is a path of letters, each two tokens long; an answer may follow it on the path.
  const prompt = fc.record({
    letters: fc.array(fc.constantFrom('x', 'y'), { minLength: 1, maxLength: 6 }),
    answer: fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
    odd: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(prompt, { minLength: 2, maxLength: 6 }), (prompts) => {
      const builder = new RequestTableBuilder()
      const contents = prompts.map(({ letters, answer, odd }, arrivalMs) => {
        let node = NO_NODE
        for (const letter of [...letters, ...answer]) node = builder.prompts.block(node, letter, 2)
        const promptTokens = 2 * letters.length - (odd ? 1 : 0)
        builder.add({ arrivalMs, promptTokens, outputTokens: 1, promptNode: node })
        return { text: letters.map((letter) => letter + letter).join(''), promptTokens }
      })
      const table = builder.build()
      const read = reader(new PromptRuns(table, table))
      for (const [i, a] of contents.entries()) {
        expect(read(i).at(-1)![1]).toBe(a.promptTokens)
        for (const [j, b] of contents.entries()) {
          const [mine, other] = [read(i), read(j)]
          const common = mine.findIndex(([id], at) => other[at]?.[0] !== id)
          const tokens = common === -1 ? a.promptTokens : (mine[common - 1]?.[1] ?? 0)
          let equal = 0
          const most = Math.min(a.promptTokens, b.promptTokens)
          while (equal < most && a.text[equal] === b.text[equal]) equal++
          expect(tokens).toBe(equal)
        }
      }
    }),
  )
})
