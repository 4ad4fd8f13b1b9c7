import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PromptPath } from '../prompt/prompt-path.js'
import { chainedIds, testPath } from '../testing/test-path.js'
import { HomeLoads } from './home-loads.js'

const NAIVE = { windowMs: 1000, capacityTokens: 80, prefillMsPerToken: 0.1, perHomeMs: 0 }

/** A path of runs that end at so many tokens. */
function pathOf(runs: readonly (readonly [id: number, endTokens: number])[]): PromptPath {
  const path = new PromptPath()
  for (const [id, endTokens] of runs) path.push(id, endTokens)
  return path
}

describe('the home of a prompt', () => {
  test.each([
    ['no shared runs: its own part', [], 10, 0],
    ['one run, and less of its own', [100], 150, 0],
    ['as much of its own is not more', [100], 200, 0],
    ['more of its own', [100], 201, 1],
    ['the second run is larger than the first', [100, 201], 210, 1],
    ['the second is as large', [100, 200], 210, 0],
    ['the third is larger than both before', [10, 30, 61], 70, 2],
    ['the third is not, the second is', [10, 30, 60], 70, 1],
  ] as const)('%s', (_, ends, promptTokens, at) => {
    expect(HomeLoads.homeAt(pathOf(ends.map((end, id) => [id, end])), promptTokens)).toBe(at)
  })
})

describe('costs', () => {
  const prefix = pathOf([[7, 100]])
  const made = (perHomeMs = 0) => {
    const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1000, perHomeMs })
    loads.update(3, 0)
    return loads
  }

  test('a prefix costs its missed share of its prefill, for each request', () => {
    const loads = made()
    // All of 125 missed: 100 tokens x 0.1 ms.
    loads.sent(prefix, 125, 0, 1, 0)
    expect([...loads.costsMs]).toEqual([0, 10, 0])
    // 100 of 250 hit: 0.6 x 2 x 10 ms.
    loads.sent(prefix, 125, 100, 1, 1)
    expect(loads.costsMs[1]).toBeCloseTo(12, 5)
    expect([...loads.recent]).toEqual([0, 2, 0])
    expect(loads.sharedMs[1]).toBeCloseTo(12, 5)
  })

  test('two that have it pay half each', () => {
    const loads = made()
    loads.sent(prefix, 125, 0, 1, 0)
    loads.sent(prefix, 125, 100, 2, 1)
    expect(loads.costsMs[1]).toBeCloseTo(6, 5)
    expect(loads.costsMs[2]).toBeCloseTo(6, 5)
    loads.remove(2)
    expect(loads.costsMs[1]).toBeCloseTo(12, 5)
    expect(loads.costsMs[2]).toBe(0)
  })

  test('what is a request’s own costs its backend alone, and is nobody’s prefix', () => {
    const loads = made(2)
    loads.sent(prefix, 300, 0, 0, 0)
    expect(loads.costsMs[0]).toBeCloseTo(30 + 2, 5)
    expect(loads.sharedMs[0]).toBe(0)
    // But the run is known.
    expect(loads.has(7, 0)).toBe(true)
  })

  test('leaves nothing when the window has passed, and forgets the home', () => {
    const loads = made(3)
    for (let i = 0; i < 7; i++) loads.sent(prefix, 125, i === 0 ? 0 : 100, i % 3, i)
    loads.sent(pathOf([]), 33, 0, 1, 8)
    loads.update(3, 1007)
    expect([...loads.costsMs]).not.toEqual([0, 0, 0])
    loads.update(3, 1008)
    expect([...loads.costsMs]).toEqual([0, 0, 0])
    expect([...loads.sharedMs]).toEqual([0, 0, 0])
    expect([...loads.recent]).toEqual([0, 0, 0])
    expect(loads.size).toBe(0)
  })

  test('a home moves with all that begins with it, and nothing else', () => {
    const loads = made()
    const turn = pathOf([
      [7, 100],
      [8, 150],
    ])
    loads.sent(turn, 160, 0, 0, 0)
    loads.sent(pathOf([[9, 40]]), 50, 0, 0, 1)
    const before = loads.costsMs[0]!
    loads.move(7, 2, 2)
    expect([7, 8, 9].map((run) => [loads.has(run, 0), loads.has(run, 2)])).toEqual([
      [false, true],
      [false, true],
      [true, false],
    ])
    expect(loads.costsMs[0]! + loads.costsMs[2]!).toBeCloseTo(before, 5)
    expect(loads.costsMs[2]).toBeCloseTo(10, 5)
  })

  test('a home that is given to one more costs each half', () => {
    const loads = made()
    loads.sent(prefix, 125, 0, 0, 0)
    loads.replicate(7, 1, 0)
    expect([...loads.costsMs]).toEqual([5, 5, 0])
  })
})

/** The same, by keeping all requests and counting them each time. */
class NaiveHomes {
  private requests: { ms: number; home: number; known: number; prompt: number; backend: number }[] =
    []
  readonly has: number[][] = [[], [], []]
  private readonly tokens = new Map<number, number>()

  private readonly options: typeof NAIVE

  constructor(options: typeof NAIVE) {
    this.options = options
  }

  expire(nowMs: number): void {
    const gone = this.requests.filter(({ ms }) => nowMs - ms >= this.options.windowMs)
    for (const request of gone) {
      this.requests = this.requests.filter((each) => each !== request)
      const { home } = request
      if (home === -1 || this.requests.some((each) => each.home === home)) continue
      for (const runs of this.has) if (runs.includes(home)) runs.splice(runs.indexOf(home), 1)
    }
  }

  known(path: PromptPath): number {
    let known = 0
    for (let i = 0; i < path.length; i++) {
      if (this.has.some((runs) => runs.includes(path.ids[i]!))) known = path.endTokens[i]!
    }
    return known
  }

  sent(path: PromptPath, prompt: number, backend: number, nowMs: number): void {
    const known = this.known(path)
    const runs = this.has[backend]!
    for (let i = path.length - 1; i >= 0; i--) {
      const run = path.ids[i]!
      this.tokens.set(run, path.endTokens[i]! - (i === 0 ? 0 : path.endTokens[i - 1]!))
      if (runs.includes(run)) runs.splice(runs.indexOf(run), 1)
      runs.push(run)
    }
    const size = () => runs.reduce((sum, run) => sum + this.tokens.get(run)!, 0)
    while (size() > this.options.capacityTokens) runs.shift()
    const at = HomeLoads.homeAt(path, prompt)
    const home = at === path.length ? -1 : path.ids[at]!
    this.requests.push({ ms: nowMs, home, known, prompt, backend })
  }

  costs(): number[] {
    const costs = [0, 0, 0]
    const { prefillMsPerToken } = this.options
    for (const { home, known, prompt, backend } of this.requests) {
      const own = prompt - known
      if (home === -1) costs[backend]! += (own / prompt) * own * prefillMsPerToken
    }
    for (const home of new Set(this.requests.map((each) => each.home))) {
      const own = this.requests.filter((each) => home !== -1 && each.home === home)
      const owners = [0, 1, 2].filter((backend) => this.has[backend]!.includes(home))
      const prompt = own.reduce((sum, each) => sum + each.prompt, 0)
      const missed = 1 - own.reduce((sum, each) => sum + each.known, 0) / prompt
      const prefillMs = this.tokens.get(home)! * prefillMsPerToken
      for (const owner of owners) costs[owner]! += (missed * own.length * prefillMs) / owners.length
    }
    return costs
  }
}

test('agrees with counting everything anew, within its budget', () => {
  const step = fc.record({
    steps: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    own: fc.constantFrom(0, 1, 20, 200),
    backend: fc.nat(2),
    gapMs: fc.constantFrom(0, 1, 150, 999, 1000),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const loads = new HomeLoads(NAIVE)
      const naive = new NaiveHomes(NAIVE)
      const found = { tokens: 0, run: -1 }
      let nowMs = 0
      for (const { steps: at, own, backend, gapMs } of steps) {
        nowMs += gapMs
        const path = testPath(chainedIds(at))
        const promptTokens = path.tokens + own
        loads.update(3, nowMs)
        naive.expire(nowMs)
        loads.deepest(path, () => true, found)
        expect(found.tokens).toBe(naive.known(path))
        loads.sent(path, promptTokens, found.tokens, backend, nowMs)
        naive.sent(path, promptTokens, backend, nowMs)
        for (const [id, cost] of naive.costs().entries()) {
          expect(loads.costsMs[id]).toBeCloseTo(cost, 3)
          for (const run of naive.has[id]!) expect(loads.has(run, id)).toBe(true)
        }
        expect(loads.size).toBe(naive.has.flat().length)
      }
    }),
    { numRuns: 300 },
  )
})

test('homes whose ids are given to others cost nothing, and their requests leave the window as others do', () => {
  const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1000 })
  const path = pathOf([[7, 100]])
  loads.sent(path, 125, 0, 1, 0)
  loads.sent(pathOf([[8, 100]]), 125, 0, 1, 0)
  loads.forget([7, 999])
  expect([loads.costsMs[1], loads.recent[1], loads.has(7, 1)]).toEqual([10, 2, false])
  // Another home, with one request of its own.
  loads.sent(path, 125, 0, 0, 500)
  expect([...loads.costsMs]).toEqual([10, 10])
  loads.update(2, 1000)
  expect([[...loads.costsMs], [...loads.recent]]).toEqual([
    [10, 0],
    [1, 0],
  ])
  loads.update(2, 1500)
  expect([loads.costsMs[0], loads.size]).toEqual([0, 0])
})
