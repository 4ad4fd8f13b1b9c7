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

/** A prompt goes to a backend. @returns how many nodes are before its home */
function send(
  loads: HomeLoads,
  path: PromptPath,
  promptTokens: number,
  known: number,
  backend: number,
  nowMs: number,
): number {
  loads.read(path, nowMs)
  return loads.sent(promptTokens, known, backend, nowMs)
}

/** The last node of a prompt that somebody has. */
function nodeOf(loads: HomeLoads, path: PromptPath): number {
  loads.read(path, 0)
  return loads.lastOwned()
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
    const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1e6 })
    const runs = ends.map((end, id) => [id, end] as const)
    // Prompts that end where a run does make a node of each.
    for (let i = 1; i <= runs.length; i++) send(loads, pathOf(runs.slice(0, i)), 0, 0, 0, 0)
    expect(send(loads, pathOf(runs), promptTokens, 0, 0, 0)).toBe(at)
  })

  test('is the whole prompt as long as no other has begun like it', () => {
    const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1e6 })
    const runs = [
      [1, 10],
      [2, 30],
      [3, 60],
    ] as const
    expect(send(loads, pathOf(runs), 70, 0, 0, 0)).toBe(0)
    expect(loads.depth).toBe(1)
    expect(loads.costsMs[0]).toBeCloseTo(7, 5)
    // The second leaves it after 30 tokens: 40 behind them are a home still, with the first, and 15 are none.
    expect(send(loads, pathOf(runs.slice(0, 2)), 45, 30, 0, 0)).toBe(0)
    expect(loads.depth).toBe(2)
    // 40 of the first, all missed, and 30 of the second, of which a third was missed.
    expect(loads.costsMs[0]).toBeCloseTo(4 + 1, 5)
    expect(loads.size).toBe(3)
  })

  test('goes with the part that is larger than what is before it when it is cut', () => {
    const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1e6 })
    const long = pathOf([
      [1, 40],
      [2, 60],
    ])
    send(loads, long, 60, 0, 0, 0)
    const home = loads.homeOf(0)
    loads.changeActive(home, 1)
    expect(send(loads, pathOf([[1, 40]]), 50, 40, 1, 0)).toBe(0)
    // Of 40 tokens, two requests missed 70 of 110 and two backends have them.
    expect(loads.homeOf(0)).toBe(home)
    expect(loads.activeOf(nodeOf(loads, pathOf([[1, 40]])))).toBe(1)
    expect(loads.activeOf(nodeOf(loads, long))).toBe(0)
    expect(loads.costsMs[0]).toBeCloseTo(((70 / 110) * 2 * 4) / 2, 5)
    expect(loads.costsMs[1]).toBeCloseTo(((70 / 110) * 2 * 4) / 2, 5)
  })

  test('is kept while a request of it is under way, and forgotten after', () => {
    const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1e6 })
    const path = pathOf([[1, 40]])
    const other = pathOf([[2, 40]])
    send(loads, path, 40, 0, 0, 0)
    const home = loads.homeOf(0)
    loads.changeActive(home, 1)
    loads.update(1, 1000)
    send(loads, other, 40, 0, 0, 1000)
    expect(loads.homeOf(0)).not.toBe(home)
    loads.changeActive(home, -1)
    send(loads, pathOf([[3, 40]]), 40, 0, 0, 1000)
    expect(loads.homeOf(0)).toBe(home)
    expect(nodeOf(loads, path)).toBe(-1)
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
    // All of 125 missed: 125 tokens x 0.1 ms.
    send(loads, prefix, 125, 0, 1, 0)
    expect([...loads.costsMs]).toEqual([0, 12.5, 0])
    // 100 of 250 hit: 0.6 x 2 x 10 ms.
    send(loads, prefix, 125, 100, 1, 1)
    expect(loads.costsMs[1]).toBeCloseTo(12, 5)
    expect([...loads.recent]).toEqual([0, 2, 0])
    expect(loads.sharedMs[1]).toBeCloseTo(12, 5)
  })

  test('two that have it pay half each', () => {
    const loads = made()
    send(loads, prefix, 125, 0, 1, 0)
    send(loads, prefix, 125, 100, 2, 1)
    expect(loads.costsMs[1]).toBeCloseTo(6, 5)
    expect(loads.costsMs[2]).toBeCloseTo(6, 5)
    loads.remove(2)
    expect(loads.costsMs[1]).toBeCloseTo(12, 5)
    expect(loads.costsMs[2]).toBe(0)
  })

  test('what is a request’s own costs its backend alone, and is nobody’s prefix', () => {
    const loads = made(2)
    send(loads, prefix, 100, 0, 1, 0)
    send(loads, prefix, 300, 0, 0, 0)
    // 200 of its own, all missed; each has half of the prefix.
    expect(loads.costsMs[0]).toBeCloseTo(20 + 2 + 5 + 2, 5)
    expect(loads.costsMs[1]).toBeCloseTo(5 + 2, 5)
    expect([...loads.sharedMs]).toEqual([0, 0, 0])
  })

  test('leaves nothing when the window has passed, and forgets the home', () => {
    const loads = made(3)
    for (let i = 0; i < 7; i++) send(loads, prefix, 100, i === 0 ? 0 : 50, i % 3, i)
    send(loads, pathOf([]), 33, 0, 1, 8)
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
    send(loads, prefix, 100, 0, 0, 0)
    send(loads, turn, 160, 0, 0, 0)
    const other = pathOf([[9, 40]])
    send(loads, other, 50, 0, 0, 1)
    const nodes = [prefix, turn, other].map((path) => nodeOf(loads, path))
    const before = loads.costsMs[0]!
    loads.move(nodes[0]!, 2, 2)
    expect(nodes.map((node) => [loads.has(node, 0), loads.has(node, 2)])).toEqual([
      [false, true],
      [false, true],
      [true, false],
    ])
    expect(loads.costsMs[0]! + loads.costsMs[2]!).toBeCloseTo(before, 5)
    // Two requests that missed all of its 100 tokens.
    expect(loads.costsMs[2]).toBeCloseTo(20, 5)
  })

  test('a home that is given to one more costs each half', () => {
    const loads = made()
    send(loads, prefix, 100, 0, 0, 0)
    loads.replicate(nodeOf(loads, prefix), 1, 0)
    expect([...loads.costsMs]).toEqual([5, 5, 0])
  })
})

/** A node of {@link NaiveHomes}: what its content is called, and where it begins. */
interface NaiveNode {
  content: readonly string[]
  start: number
  parent: NaiveNode | undefined
}

/** The same, by keeping all requests and counting them each time; of prompts of blocks of 16 tokens and of names. */
class NaiveHomes {
  private requests: { ms: number; home: NaiveNode; known: number; prompt: number }[] = []
  private nodes: NaiveNode[] = []
  /** Nodes of each backend, the last used last. */
  readonly has: NaiveNode[][] = [[], [], []]
  private readonly options: typeof NAIVE

  constructor(options: typeof NAIVE) {
    this.options = options
  }

  private isLarge({ content, start }: NaiveNode): boolean {
    return content.length > start
  }

  private forget(): void {
    const isUsed = (node: NaiveNode): boolean =>
      this.has.some((own) => own.includes(node)) ||
      this.requests.some(({ home }) => home === node) ||
      this.nodes.some(({ parent }) => parent === node)
    for (let before = -1; before !== this.nodes.length; ) {
      before = this.nodes.length
      this.nodes = this.nodes.filter(isUsed)
    }
  }

  expire(nowMs: number): void {
    while (this.requests[0] !== undefined && nowMs - this.requests[0].ms >= this.options.windowMs) {
      const { home } = this.requests.shift()!
      if (this.requests.some((each) => each.home === home)) continue
      for (const own of this.has) if (own.includes(home)) own.splice(own.indexOf(home), 1)
      this.forget()
    }
  }

  /** The nodes of a prompt, the last cut where it leaves it. */
  read(prompt: readonly string[]): NaiveNode[] {
    const path: NaiveNode[] = []
    for (let start = 0; ; ) {
      const parent = path.at(-1)
      const found = this.nodes.find(
        (node) => node.parent === parent && node.content[0] === prompt[start],
      )
      if (found === undefined || start === prompt.length) return path
      let same = 0
      while (same < found.content.length && found.content[same] === prompt[start + same]) same++
      if (same < found.content.length) return [...path, this.cut(found, same)]
      path.push(found)
      start += same
    }
  }

  private cut(later: NaiveNode, at: number): NaiveNode {
    const { content, start, parent } = later
    const earlier = { content: content.slice(0, at), start, parent }
    this.nodes.push(earlier)
    later.content = content.slice(at)
    later.start = start + at
    later.parent = earlier
    for (const own of this.has) {
      if (own.includes(later)) own.splice(own.indexOf(later) + 1, 0, earlier)
    }
    if (this.isLarge(earlier) && !this.isLarge(later)) {
      for (const each of this.requests) if (each.home === later) each.home = earlier
    }
    return earlier
  }

  known(path: readonly NaiveNode[]): number {
    const last = path.findLast((node) => this.has.some((own) => own.includes(node)))
    return last === undefined ? 0 : last.start + last.content.length
  }

  sent(prompt: readonly string[], known: number, backend: number, nowMs: number): void {
    const path = this.read(prompt)
    const parent = path.at(-1)
    const start = parent === undefined ? 0 : parent.start + parent.content.length
    if (start < prompt.length) {
      path.push({ content: prompt.slice(start), start, parent })
      this.nodes.push(path.at(-1)!)
    }
    const home = path.findLast((node) => this.isLarge(node))!
    this.requests.push({ ms: nowMs, home, known, prompt: prompt.length })
    const own = this.has[backend]!
    for (const node of [...path].reverse()) {
      if (own.includes(node)) own.splice(own.indexOf(node), 1)
      own.push(node)
    }
    const size = () => own.reduce((sum, { content }) => sum + content.length, 0)
    while (size() > this.options.capacityTokens) own.shift()
    this.forget()
  }

  costs(): number[] {
    const costs = [0, 0, 0]
    for (const home of new Set(this.requests.map((each) => each.home))) {
      const own = this.requests.filter((each) => each.home === home)
      const owners = [0, 1, 2].filter((backend) => this.has[backend]!.includes(home))
      const prompt = own.reduce((sum, each) => sum + each.prompt, 0)
      const missed = 1 - own.reduce((sum, each) => sum + each.known, 0) / prompt
      const prefillMs = home.content.length * this.options.prefillMsPerToken
      for (const owner of owners) costs[owner]! += (missed * own.length * prefillMs) / owners.length
    }
    return costs
  }
}

const STEP = fc.record({
  steps: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
  own: fc.constantFrom(0, 1, 20, 200),
  backend: fc.nat(2),
  gapMs: fc.constantFrom(0, 1, 150, 999, 1000),
})

test('agrees with counting everything anew, within its budget', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const loads = new HomeLoads(NAIVE)
      const naive = new NaiveHomes(NAIVE)
      let nowMs = 0
      for (const [i, { steps: at, own, backend, gapMs }] of steps.entries()) {
        nowMs += gapMs
        const ids = chainedIds(at)
        const path = testPath(ids)
        const prompt = ids.flatMap((id) => Array.from({ length: 16 }, (_, k) => `${id}.${k}`))
        for (let k = 0; k < own; k++) prompt.push(`own ${i}.${k}`)
        loads.update(3, nowMs)
        naive.expire(nowMs)
        loads.read(path, nowMs)
        const last = loads.lastOwned()
        const known = last === -1 ? 0 : loads.endOf(last)
        expect(known).toBe(naive.known(naive.read(prompt)))
        loads.sent(prompt.length, known, backend, nowMs)
        naive.sent(prompt, known, backend, nowMs)
        for (const [id, cost] of naive.costs().entries()) {
          expect(loads.costsMs[id]).toBeCloseTo(cost, 3)
        }
        expect(loads.size).toBe(naive.has.flat().length)
      }
    }),
    { numRuns: 300 },
  )
})

test('what is counted is the same however prompts are cut into runs, and whether their own part is one', () => {
  const ways = fc.array(fc.record({ step: STEP, isNamed: fc.boolean() }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(ways, (requests) => {
      const coarse = new HomeLoads(NAIVE)
      const fine = new HomeLoads(NAIVE)
      let nowMs = 0
      for (const [i, { step, isNamed }] of requests.entries()) {
        nowMs += step.gapMs
        const ids = chainedIds(step.steps)
        const path = testPath(ids)
        const promptTokens = path.tokens + step.own
        // Each run in four, and the own part in tens.
        const cut = new PromptPath()
        for (const [k, id] of ids.entries()) {
          for (let part = 1; part <= 4; part++) cut.push(4 * id + part, 16 * k + 4 * part)
        }
        for (let end = 10; isNamed && end < step.own; end += 10) {
          cut.push(2000 + 20 * i + end / 10, path.tokens + end)
        }
        if (isNamed && step.own > 0) cut.push(2000 + 20 * i, promptTokens)
        for (const [loads, own] of [
          [coarse, path],
          [fine, cut],
        ] as const) {
          loads.update(3, nowMs)
          loads.read(own, nowMs)
          const last = loads.lastOwned()
          loads.sent(promptTokens, last === -1 ? 0 : loads.endOf(last), step.backend, nowMs)
        }
        expect(fine.costsMs).toEqual(coarse.costsMs)
        expect(fine.sharedMs).toEqual(coarse.sharedMs)
        expect([fine.size, fine.depth]).toEqual([coarse.size, coarse.depth])
      }
    }),
    { numRuns: 300 },
  )
})

test('homes whose ids are given to others go on to cost what they do, and nothing of them is known', () => {
  const loads = new HomeLoads({ ...NAIVE, capacityTokens: 1000 })
  const path = pathOf([[7, 100]])
  send(loads, path, 100, 0, 1, 0)
  send(loads, pathOf([[8, 100]]), 100, 0, 1, 0)
  loads.forget([7, 999])
  expect([loads.costsMs[1], loads.recent[1], nodeOf(loads, path)]).toEqual([20, 2, -1])
  // Another home, with one request of its own.
  send(loads, path, 100, 0, 0, 500)
  expect([...loads.costsMs]).toEqual([10, 20])
  loads.update(2, 1000)
  expect([[...loads.costsMs], [...loads.recent]]).toEqual([
    [10, 0],
    [1, 0],
  ])
  loads.update(2, 1500)
  expect([loads.costsMs[0], loads.size]).toEqual([0, 0])
})
