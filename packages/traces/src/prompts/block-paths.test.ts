import { NO_NODE, type PromptTree, PromptTreeBuilder, type RouteSimError } from '@routesim/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BlockKeys } from './block-keys.js'
import { BlockPaths, REFUSED } from './block-paths.js'
import { IdRuns } from './id-runs.js'

interface Path {
  readonly ids: readonly (number | string)[]
  readonly promptTokens: number
  /** Of each block, else they have 4 tokens. */
  readonly tokens?: readonly number[]
}

/** Builds the tree both ways; `undefined` stands for a refused path. */
function both(paths: readonly Path[]): { fast: Ends; plain: Ends } {
  const keys = new BlockKeys()
  const runs = new IdRuns()
  const blocks = new BlockPaths()
  const prompts = new PromptTreeBuilder()
  const handles: (number | undefined)[] = []
  const nodes: (number | undefined)[] = []
  for (const { ids, promptTokens, tokens } of paths) {
    keys.write(ids, runs)
    const end =
      tokens === undefined ? blocks.add(runs, 4, promptTokens) : blocks.addEach(runs, tokens)
    handles.push(end === REFUSED ? undefined : end)
    const tokensOf = (i: number): number => tokens?.[i] ?? Math.min(4, promptTokens - i * 4)
    nodes.push(placedPlainly(prompts, ids, tokensOf, blocks, end))
  }
  const { tree, nodeOf } = blocks.finish() ?? { tree: prompts.build().tree, nodeOf: Number }
  const fastNodes = handles.map((end) => (end === undefined || end < 0 ? end : nodeOf(end)))
  return { fast: { tree, nodes: fastNodes }, plain: { tree: prompts.build().tree, nodes } }
}

interface Ends {
  readonly tree: PromptTree
  readonly nodes: readonly (number | undefined)[]
}

function placedPlainly(
  prompts: PromptTreeBuilder,
  ids: Path['ids'],
  tokensOf: (i: number) => number,
  blocks: BlockPaths,
  end: number,
): number | undefined {
  try {
    return ids.reduce<number>((node, id, i) => prompts.block(node, id, tokensOf(i)), NO_NODE)
  } catch (error) {
    const { at, known, wanted } = blocks.refusal!
    expect(end).toBe(REFUSED)
    expect((error as RouteSimError).message).toContain(
      `block ${ids[at]}: expected ${known} tokens as before, got ${wanted} `,
    )
    return undefined
  }
}

/** For each pair of paths, how many tokens they share; on the diagonal, how long they are. */
function shared({ tree, nodes }: Ends): number[][] {
  const pathOf = (end: number): Set<number> => {
    const path = new Set<number>()
    for (let node = end; node !== NO_NODE; node = tree.parent[node]!) path.add(node)
    return path
  }
  const paths = nodes.filter((node) => node !== undefined).map(pathOf)
  return paths.map((left) =>
    paths.map((right) => {
      // Ends come before beginnings.
      for (const node of right) if (left.has(node)) return tree.endTokens[node]!
      return 0
    }),
  )
}

/** Nodes that come before their parent, begin elsewhere than where it ends, or hold no token. */
function misplaced({ size, parent, startTokens, endTokens }: PromptTree): number[] {
  return Array.from({ length: size }, (_, node) => node).filter((node) => {
    const above = parent[node]!
    const start = above === NO_NODE ? 0 : endTokens[above]
    return above >= node || startTokens[node] !== start || endTokens[node]! <= start!
  })
}

const id = fc.oneof(
  { weight: 6, arbitrary: fc.nat(4) },
  fc.constantFrom('a', '1', '67108864', 67108864, -1, '-1', 2 ** 40, `${2 ** 40}`, '007'),
)
const path = fc
  .tuple(fc.array(id, { maxLength: 5 }), fc.constantFrom(0, 0, 0, 1, 3))
  .map(([ids, missing]) => ({ ids, promptTokens: Math.max(1, ids.length * 4 - missing) }))
const sizedPath = path.chain((base) =>
  fc
    .array(fc.integer({ min: 3, max: 5 }), { minLength: 5, maxLength: 5 })
    .map((tokens): Path => ({ ...base, tokens })),
)

/** Paths whose new blocks are numbered on, as the published traces do. */
const numberedPaths = fc
  .array(fc.tuple(fc.nat(40), fc.nat(6), fc.nat(4), fc.constantFrom(0, 0, 2)), { maxLength: 30 })
  .map((steps) => {
    const paths: Path[] = []
    let next = 0
    for (const [from, keep, added, missing] of steps) {
      const before = paths[from]?.ids.slice(0, keep) ?? []
      const ids = [...before, ...Array.from({ length: added }, () => next++)]
      paths.push({ ids, promptTokens: Math.max(1, ids.length * 4 - missing) })
    }
    return paths
  })

/** Paths of runs of consecutive ids, known or new in the middle of a run, as of traces cut in two. */
const pathsOfRuns = fc
  .array(
    fc.array(
      fc.tuple(fc.constantFrom(0, 3, 10, 12, 100, 2 ** 40), fc.integer({ min: 1, max: 7 })),
      {
        maxLength: 4,
      },
    ),
    { maxLength: 25 },
  )
  .map((all) =>
    all.map((runs): Path => {
      const ids = runs.flatMap(([first, count]) =>
        Array.from({ length: count }, (_, i) => first + i),
      )
      return { ids, promptTokens: Math.max(1, ids.length * 4) }
    }),
  )

test.each([
  ['numbered in order', numberedPaths],
  ['of runs of ids', pathsOfRuns],
  [
    'numbered, then of runs of ids, then of many sizes',
    fc
      .tuple(numberedPaths, pathsOfRuns, fc.array(sizedPath), pathsOfRuns)
      .map((parts): Path[] => parts.flat()),
  ],
  ['of any ids', fc.array(path, { maxLength: 30 })],
  [
    'numbered, then of any ids',
    fc.tuple(numberedPaths, fc.array(path)).map((parts) => parts.flat()),
  ],
  [
    'of one size, then of many',
    fc
      .tuple(numberedPaths, fc.array(path), fc.array(sizedPath), fc.array(path))
      .map((parts): Path[] => parts.flat()),
  ],
])('paths %s share what they share block by block', (_, paths) => {
  fc.assert(
    fc.property(paths, (all) => {
      const { fast, plain } = both(all)
      expect(fast.nodes.map((node) => node === undefined)).toEqual(
        plain.nodes.map((node) => node === undefined),
      )
      expect(shared(fast)).toEqual(shared(plain))
      expect(misplaced(fast.tree)).toEqual([])
    }),
    { numRuns: 1500 },
  )
})

test('a run of blocks that all requests pass is one node', () => {
  const { fast } = both([
    { ids: [0, 1, 2, 3, 4], promptTokens: 18 },
    { ids: [0, 1, 2, 5], promptTokens: 16 },
  ])
  expect(fast).toEqual({
    tree: {
      size: 3,
      blockTokens: 4,
      parent: Int32Array.of(-1, 0, 0),
      startTokens: Int32Array.of(0, 12, 12),
      endTokens: Int32Array.of(12, 18, 16),
    },
    nodes: [1, 2],
  })
})
