import { type BackendView, RandomStream, type RequestView } from '@routesim/core'
import { expect, test } from 'vitest'
import type { RouterDefinition } from '../definition/define-router.js'
import { testCluster } from '../test-kit/test-cluster.js'
import { testPrompt, testRequest, testUsage } from '../test-kit/test-request.js'
import { summary } from './summary.js'

/** What a letter before a number says of a backend. */
const BACKEND_FIELDS: Readonly<Record<string, keyof BackendView>> = {
  w: 'waiting',
  r: 'running',
  o: 'outstanding',
  k: 'kvUsage',
  p: 'pendingPromptTokens',
  s: 'sentSinceSample',
  d: 'maxQueueDepth',
  b: 'blockTokens',
}

/** What a word before `=` says of a request. */
const REQUEST_FIELDS: Readonly<Record<string, keyof RequestView>> = {
  prompt: 'promptTokens',
  prefix: 'prefixTokens',
  session: 'session',
  user: 'user',
}

type Cells = Readonly<Record<string, string>>

/**
 * A table of decisions computed by hand, one row per line, as tests of their own. Cells stand under their titles:
 *
 * - `backends`, separated by commas: `w3` waiting, `r2` running, `m48` tokens of the prompt cached, `k0.5` KV usage,
 *   `p90` prompt tokens under way, `s2` sent since the last metrics, `o1` own requests, `d8` depth of the queue
 *   (10 unless given), `b16` tokens per block, `x` down, `-` idle and empty; nothing for no backends.
 * - `request`: `prompt=160` (100 unless given), `prefix=48`, `session=a`, `user=u`, `ids=1,4` for content in runs of
 *   16 tokens, `ms=500` for the time.
 * - `parameters`: `name=value`; ties go to the lowest id unless it says otherwise or there are draws.
 * - `draws`: the integers that the random stream gives, all of which must be drawn.
 * - `before`: `first=0`, `end=0` for a row's request that gets its first token, or ends, before the decision.
 * - `choice`: an id, `hold`, or a reason of rejection. `why`: the name of the test.
 *
 * @param mode - `story` has one router for all rows, which hears of its dispatches; otherwise each row has a fresh one
 */
export function decisionTable(
  router: RouterDefinition,
  table: string,
  mode: 'rows' | 'story' = 'rows',
): void {
  const rows = parse(table)
  test(`${router.name}: a table of at least 20 decisions`, () => {
    expect(rows.length).toBeGreaterThanOrEqual(20)
  })
  if (mode === 'rows') {
    for (const row of rows) {
      test(`${router.name}: ${row['why']} (${row['backends']})`, () => decideAll(router, [row]))
    }
  } else {
    test(`${router.name}: decisions one after another`, () => decideAll(router, rows))
  }
}

function decideAll(definition: RouterDefinition, rows: readonly Cells[]): void {
  const { parameters = '', draws = '' } = rows[0]!
  const isDrawn = draws !== ''
  const ties = Object.hasOwn(definition.parameters, 'ties') && !isDrawn ? { ties: 'first' } : {}
  const router = definition.create({ ...ties, ...assignments(parameters) })
  const sent: { request: RequestView; backend: BackendView }[] = []
  for (const [id, row] of rows.entries()) {
    const fields = assignments(row['request'] ?? '')
    const { ms = 0 } = fields
    const request = requestOf(id, fields)
    const stream = new ScriptedStream(numbers(row['draws'] ?? ''))
    const cluster = clusterOf(row['backends'] ?? '', Number(ms), stream)
    for (const [event, of] of Object.entries(assignments(row['before'] ?? ''))) {
      const { request: past, backend } = sent[Number(of)]!
      if (event === 'first') router.onFirstToken?.(past, backend, cluster)
      else router.onFinished?.(past, backend, cluster, testUsage())
    }
    const decision = router.route(request, cluster)
    expect(String(summary(decision)), row['why']).toBe(row['choice'])
    expect(stream.left, 'draws that are left').toEqual([])
    if (decision.kind !== 'backend') continue
    sent[id] = { request, backend: decision }
    router.onDispatched?.(request, decision, cluster, decision)
  }
}

/** A stream that gives what a row says. */
class ScriptedStream extends RandomStream {
  readonly left: number[]

  constructor(left: number[]) {
    super(1, 'router')
    this.left = left
  }

  override integer(bound: number): number {
    const next = this.left.shift()
    if (next === undefined || next >= bound) {
      throw new Error(`drew an integer below ${bound}: the table has ${next ?? 'none left'}`)
    }
    return next
  }
}

function clusterOf(text: string, nowMs: number, random: RandomStream) {
  const matchedTokens: number[] = []
  const states = list(text).map((backend, id) => {
    const state: Record<string, number | boolean> = {}
    matchedTokens[id] = 0
    for (const word of backend.split(/\s+/)) {
      const value = Number(word.slice(1))
      if (word === 'x') state['healthy'] = false
      else if (word.startsWith('m')) matchedTokens[id] = value
      else if (word !== '-') state[known(BACKEND_FIELDS, word[0]!)] = value
    }
    return state as Partial<BackendView>
  })
  return testCluster(states, { matchedTokens, nowMs, random })
}

function requestOf(id: number, fields: Readonly<Record<string, unknown>>): RequestView {
  const { ids, ms: _ms, ...others } = fields
  const named = Object.fromEntries(
    Object.entries(others).map(([name, value]) => [known(REQUEST_FIELDS, name), value]),
  ) as Partial<RequestView>
  return ids === undefined
    ? testRequest({ id, ...named })
    : testPrompt(numbers(String(ids)), { id, ...named })
}

/** Rows of cells by title; the first line has the titles. */
function parse(table: string): Cells[] {
  const [titles, ...lines] = table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  return lines.map((cells) => {
    if (cells.length !== titles!.length) throw new Error(`row of another width: ${cells.join('|')}`)
    return Object.fromEntries(titles!.map((title, i) => [title, cells[i]!]))
  })
}

/** `a=1 b=x` as an object; what looks like a number or a truth is one. */
function assignments(text: string): Record<string, number | string | boolean> {
  const words = text.split(/\s+/).filter((word) => word !== '')
  return Object.fromEntries(
    words.map((word) => {
      const [name, value] = word.split('=') as [string, string]
      if (value === 'true' || value === 'false') return [name, value === 'true']
      return [name, Number.isNaN(Number(value)) ? value : Number(value)]
    }),
  )
}

const list = (text: string): string[] => (text === '' ? [] : text.split(/\s*,\s*/))
const numbers = (text: string): number[] => list(text).map(Number)

function known<Value>(fields: Readonly<Record<string, Value>>, name: string): Value {
  const value = fields[name]
  if (value === undefined) throw new Error(`unknown field ${name} in a decision table`)
  return value
}
