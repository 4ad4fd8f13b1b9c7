import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

/** Picks among available backends, in a file without imports. */
const LEAST = `
function least(pool, costs) {
  const open = pool.backends.filter(({ available }) => available)
  const chosen = open.reduce((best, each) => (costs[each.id] < costs[best.id] ? each : best))
  pool.notes?.compared(pool, costs, chosen)
  return chosen
}`
const at = directoryWith({
  'c.toml':
    '[cluster]\nnum_backends = 3\n[trace]\nrate = 20\nduration_sec = 4\ngen_tokens_mean = 20\nnum_prefixes = 2',
  'tiny.toml':
    '[cluster]\nnum_backends = 2\nmax_queue_depth = 1\nkv_cache_blocks = 64\n[trace]\nrate = 60\nduration_sec = 2',
  'fast.jsonl':
    '{"ts":0,"prompt_tokens":900,"gen_tokens":5}\n{"ts":1,"prompt_tokens":900,"gen_tokens":5}\n',
  'split.toml': `
[cluster]
num_backends = 4
[cluster.disaggregated]
enabled = true
prefill_backends = 2
decode_backends = 2
[trace]
rate = 20
duration_sec = 4
gen_tokens_mean = 20
`,
  'joint.mjs': `${LEAST}
export default { name: 'joint', description: 'Both.', parameters: {}, create: () => ({
  name: 'joint',
  disaggregates: true,
  route(_, cluster) {
    const { pendingPromptTokens, outstanding } = cluster.columns
    const prefill = least(cluster.pool('prefill'), pendingPromptTokens)
    cluster.notes?.highest()
    const decode = least(cluster.pool('decode'), outstanding)
    return { kind: 'disaggregate', prefill, decode }
  },
}) }`,
  'late.mjs': `${LEAST}
export default { name: 'late', description: 'One after the other.', parameters: {}, create: () => ({
  name: 'late',
  route: (_, cluster) =>
    ({ kind: 'prefill', prefill: least(cluster.pool('prefill'), cluster.columns.outstanding) }),
  routeDecode: (_, cluster) => least(cluster.pool('decode'), cluster.columns.outstanding),
}) }`,
  'broken.jsonl': '{"ts":0,"prompt_tokens":900}\n',
})
const config = ['-c', at('c.toml')]
const explain = (...args: string[]) => inProcess(['explain', ...config, ...args])

test('a table has every backend with scores, load and what it would have cost', async () => {
  const { code, stdout } = await explain('-a', 'prefix_overlap', '--request', '7')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^Request 7, at \d+\.\d{3} s: [\d,]+ prompt tokens, \d+ output tokens/m)
  expect(stdout).toMatch(/^prefix_overlap, at [\d.]+ s: backend (\d); .*highest score of 3/m)
  const [heads, , ...rows] = stdout.slice(stdout.indexOf('\nbackend ') + 1).split('\n') as [string]
  for (const head of ['score', 'overlap', 'idle', 'cached tokens', 'waiting', 'TTFT', 'E2E']) {
    expect(heads).toContain(head)
  }
  const table = (rows as string[]).slice(0, 3)
  expect(table.filter((row) => row.includes('>')).length).toBe(1)
  // The best of each of the two columns.
  expect(table.join('').match(/\*/g)!.length).toBeGreaterThanOrEqual(2)
  expect(stdout).toMatch(/^In hindsight: /m)
})

test('JSON has the same numbers, and null for what never came', async () => {
  const { stdout } = await explain('-a', 'power_of_two', '--request', '3,5', '--format', 'json')
  const requests = JSON.parse(stdout)
  expect(requests.map(({ request }: { request: number }) => request)).toEqual([3, 5])
  for (const { decisions, ttft_ms, e2e_ms } of requests) {
    const [decision] = decisions
    expect(decision).toMatchObject({ algorithm: 'power_of_two', action: 'send', attempt: 0 })
    expect(decision.alternatives.length).toBe(3)
    const chosen = decision.alternatives.find((each: { chosen: boolean }) => each.chosen)
    expect(chosen).toMatchObject({ backend: decision.backend, ttft_ms, e2e_ms })
    const scores = decision.stages[0].candidates.map(({ score }: { score: number }) => score)
    // Of three, two were drawn.
    expect(scores.filter((score: number | null) => score === null).length).toBe(1)
  }
})

test('fewer alternatives are tried when asked, which is said', async () => {
  const { stdout } = await explain('-a', 'random', '--random', '1', '--alternatives', '2')
  expect(stdout).toContain('1 more were not tried; --alternatives 3 tries all.')
  const none = await explain('-a', 'random', '--random', '1', '--alternatives', '0')
  expect(none.stdout).not.toContain('In hindsight')
  expect(none.stdout).not.toContain('TTFT  ')
})

test('a request that waited for another says when it was sent, from where latencies count', async () => {
  const first = '{"ts":0,"prompt_tokens":900,"gen_tokens":5,"id":"a"}'
  const next = '{"ts":1,"prompt_tokens":900,"gen_tokens":5,"after":"a","think_ms":7}'
  writeFileSync(at('turns.jsonl'), `${first}\n${next}\n`)
  const words = ['-t', at('turns.jsonl'), '-a', 'round_robin']
  const { stdout } = await explain(...words, '--request', '0,1')
  expect(stdout).toMatch(/^Request 0, at 0\.000 s: /m)
  expect(stdout).toMatch(/^Request 1, at 0\.001 s, sent at 0\.\d+ s: /m)
  const { stdout: json } = await explain(...words, '--request', '0,1', '--format', 'json')
  const [before, after] = JSON.parse(json)
  expect(after.arrival_ms).toBe(1)
  expect(after.sent_ms).toBeCloseTo(before.e2e_ms + 7, 9)
})

test('a request without output is judged by its end', async () => {
  const none = '{"ts":0,"prompt_tokens":900,"gen_tokens":0}\n'.repeat(3)
  writeFileSync(at('none.jsonl'), none)
  const { stdout } = await explain(
    '-t',
    at('none.jsonl'),
    '-a',
    'session_affinity',
    '--request',
    '2',
  )
  expect(stdout).toMatch(/^No output, E2E [\d.]+ ms/m)
  expect(stdout).not.toContain('NaN')
  expect(stdout).toMatch(/^In hindsight: no other would have given the last token sooner\.$/m)
})

test('an answer that breaks off is not the soonest', async () => {
  const config = `
[cluster]
num_backends = 2
[[events]]
kind = "fail"
backend = 0
at_sec = 0.5
`
  writeFileSync(at('fails.toml'), config)
  writeFileSync(at('one.jsonl'), '{"ts":0,"prompt_tokens":900,"gen_tokens":100}\n')
  const { stdout } = await inProcess([
    ...[
      'explain',
      '-c',
      at('fails.toml'),
      '-t',
      at('one.jsonl'),
      '-a',
      'session_affinity:ties=first',
    ],
  ])
  expect(stdout).toContain('It was failed (backend_failed).')
  expect(stdout).toMatch(/^ +> 0 .* failed *$/m)
  expect(stdout).toMatch(/backend 1 would have given the last token after/)
})

test('the worst are of the requests that were completed, which is said where others were not', async () => {
  const words = ['explain', '-c', at('tiny.toml'), '-a', 'round_robin']
  const { stdout, stderr } = await inProcess([...words, '--worst', '2'])
  expect(stdout.match(/^TTFT [\d.,]+ ms/gm)).toHaveLength(2)
  const [, lost] =
    /^note: \d+% of the requests were not completed, the first of them request (\d+): the worst are of the others$/m.exec(
      stderr,
    )!
  const { stdout: rejected } = await inProcess([...words, '--request', lost!])
  expect(rejected).toMatch(/^It was rejected \((queue_full|no_available_backend)\)\.$/m)
  writeFileSync(at('large.jsonl'), '{"ts":0,"prompt_tokens":90000,"gen_tokens":5}\n')
  const none = await inProcess([...words, '-t', at('large.jsonl')])
  expect(none.stdout).toMatch(/^It was rejected \(exceeds_kv_cache\)\.$/m)
  expect(none.stderr).not.toContain('the worst')
})

test('an output file takes all', async () => {
  const { code, stdout } = await explain('--worst', '2', '--format', 'json', '-o', at('out.json'))
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
  expect(JSON.parse(readFileSync(at('out.json'), 'utf8')).length).toBe(2)
})

test('of an option given twice the last counts, lists included', async () => {
  const twice = await explain(
    '--request',
    '1',
    '--request',
    '2,3',
    '--visibility',
    'exact',
    '--visibility',
    'llm-d',
  )
  expect(twice.stdout).toContain('visibility llm-d')
  expect(twice.stdout.match(/^Request \d/gm)).toEqual(['Request 2', 'Request 3'])
})

describe('a router that chooses both backends', () => {
  const backendsIn = (stage: string) =>
    stage.match(/^ +(> )?\d+ .*$/gm)!.map((row) => Number(/\d+/.exec(row)![0]))
  const explained = async (name: string, request: string) => {
    const words = ['explain', '-c', at('split.toml'), '-a', at(name), '--request', request]
    const [{ stdout }, { stdout: json }] = [
      await inProcess(words),
      await inProcess([...words, '--format', 'json']),
    ]
    return { stdout, decisions: JSON.parse(json)[0].decisions }
  }

  test('at once has a table for each, whose chosen rows are what happened', async () => {
    const { stdout, decisions } = await explained('joint.mjs', '30')
    const [decision] = decisions
    expect(decision.alternatives.length).toBe(3)
    const [, prefill, decode] = stdout.split(/^(?:prefill|decode): /m)
    expect(backendsIn(prefill!)).toEqual([0, 1])
    expect(backendsIn(decode!)).toEqual([2, 3])
    // The least by other figures each: one rule for both halves would be one of the two.
    expect(prefill).toMatch(/^lowest score of 2/)
    expect(decode).toMatch(/^highest score of 2/)
    const [, e2e] = /^TTFT .*, E2E ([\d.]+) ms/m.exec(stdout)!
    for (const stage of [prefill, decode]) {
      expect(/^ +> .*?([\d.]+)\*? *$/m.exec(stage!)![1]).toBe(e2e)
      expect(stage).not.toMatch(/^ +(> )?\d+ .* - +$/m)
    }
    for (const [, ids] of stdout.matchAll(/; ?(.*?) would have given/g)) {
      expect(ids).toMatch(/^(no other|prefill on [01] and decode on [23])$/)
    }
    expect(decision.stages.map(({ stage }: { stage: string }) => stage)).toEqual([
      'prefill',
      'decode',
    ])
  })

  test('one after the other has the decode backends where it chose among them', async () => {
    const { stdout, decisions } = await explained('late.mjs', '30')
    const decode = stdout.slice(stdout.indexOf('decode on '))
    expect(backendsIn(decode)).toEqual([2, 3])
    expect(decode).not.toMatch(/^ +(> )?\d+ .* - +$/m)
    expect(decode).toMatch(/(no other|decode on [23]) would have given the last token/)
    const [, e2e] = /^TTFT .*, E2E ([\d.]+) ms/m.exec(stdout)!
    expect(/^ +> .*?([\d.]+)\*? *$/m.exec(decode)![1]).toBe(e2e)
    expect(decisions[1].stages[0]).toMatchObject({ stage: 'decode', best: 'lowest' })
  })
})

describe('what is wrong is said', () => {
  test.each([
    [['--request', 'x'], 2, '--request: expected numbers from 0 on, got "x"'],
    [['--request', '-1'], 2, '--request: expected'],
    [['--request', '99999'], 2, '--request: expected a number from 0 to'],
    [['--request', '1', '--worst', '2'], 2, 'expected one of them, got several'],
    [['--worst', '0'], 2, '--worst: expected an integer from 1'],
    [['--worst', '1.5'], 2, '--worst: expected an integer from 1'],
    [['--random', '-2'], 2, '--random: expected'],
    [['--alternatives', '-1'], 2, '--alternatives: expected an integer from 0'],
    [['--format', 'csv'], 2, '--format: expected'],
    [['-a', 'nobody'], 2, 'unknown router "nobody"'],
    [['-a', './none.ts'], 1, 'none.ts: no such file'],
    [['-t', at('broken.jsonl')], 1, 'broken.jsonl:1'],
    [['--visibility', 'exact,llm-d'], 2, '--visibility: expected one profile'],
    [['--visibility', 'nothing'], 2, '--visibility "nothing": expected a profile'],
    [['-o', at('.')], 1, 'expected a file, got a directory'],
  ])('%j', async (args, expected, complaint) => {
    const { code, stdout, stderr } = await explain(...args)
    expect(stderr).toContain(complaint)
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  })
})

describe('--decisions', () => {
  const lines = (name: string) =>
    readFileSync(at(name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  test('writes one line per decision, and changes no result', async () => {
    const run = ['run', ...config, '-a', 'least_outstanding', '--format', 'json']
    const plain = await inProcess(run)
    const watched = await inProcess([...run, '--decisions', at('d.jsonl')])
    expect(watched.stdout).toBe(plain.stdout)
    const decisions = lines('d.jsonl')
    const { completed_requests } = JSON.parse(plain.stdout)
    expect(decisions.length).toBeGreaterThanOrEqual(completed_requests)
    expect(watched.stderr).toContain(`Wrote ${at('d.jsonl')}: ${decisions.length} decisions`)
    expect(decisions.map(({ request }) => request)).toEqual(decisions.map((_, i) => i))
    for (const { backend, stages, backends } of decisions) {
      const scores = stages[0].candidates.map(({ score }: { score: number }) => score)
      expect(scores[backend]).toBe(Math.min(...scores))
      expect(scores).toEqual(
        backends.map(({ actual }: { actual: { outstanding: number } }) => actual.outstanding),
      )
    }
  })

  test('of a comparison has the decisions of all', async () => {
    const args = ['-A', 'round_robin,random', '--seeds', '2', '--decisions', at('all.jsonl')]
    expect((await inProcess(['compare', ...config, ...args])).code).toBe(0)
    const runs = new Set(lines('all.jsonl').map(({ algorithm, seed }) => `${algorithm} ${seed}`))
    expect(runs.size).toBe(4)
  })

  test('goes with a timeline', async () => {
    const args = ['--decisions', at('both.jsonl'), '--perfetto', at('both.json')]
    expect((await inProcess(['run', ...config, ...args])).code).toBe(0)
    expect(lines('both.jsonl').length).toBeGreaterThan(50)
    expect(JSON.parse(readFileSync(at('both.json'), 'utf8')).traceEvents.length).toBeGreaterThan(50)
  })

  test.each([
    [['run', '--decisions', at('none/x.jsonl')], 1, 'can not be written'],
    [['compare', '-A', 'random', '--decisions', at('.')], 1, 'can not be written'],
    [['run', '--no-per-request', '--decisions', at('x.jsonl')], 2, '--decisions: not with'],
  ])('%j', async ([command, ...args], expected, complaint) => {
    const { code, stdout, stderr } = await inProcess([command!, ...config, ...args])
    expect(stderr).toContain(complaint)
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' })
  })
})
