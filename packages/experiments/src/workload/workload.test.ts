import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateTrace, type WorkloadSpec } from '@routesim/traces'
import { afterAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { run } from '../run/run.js'
import { sweep } from '../sweep/sweep.js'
import { generatedRequests } from './generated-requests.js'
import { toWorkload } from './to-workload.js'
import { workloadToml } from './workload-toml.js'

const folder = mkdtempSync(join(tmpdir(), 'routesim-workload-'))
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

const cluster = '[cluster]\nnum_backends = 2\n'

const everything: WorkloadSpec = {
  seed: 3,
  durationSec: 40,
  requests: 500,
  clients: [
    {
      name: 'chat',
      arrivals: {
        kind: 'gamma',
        cv: 2,
        stages: [
          { durationSec: 30, rateRps: 0, toRateRps: 9 },
          { durationSec: 9, rateRps: 4 },
        ],
      },
      uniqueTokens: { kind: 'lognormal', mean: 300, std: 200, min: 10, max: 4000 },
      outputTokens: { kind: 'empirical', values: [5, 90], weights: [0.25, 0.75] },
      prefixes: [
        { name: 'house', count: 3, tokens: 500, zipfExponent: 1.1 },
        { by: 'tenant', tokens: { kind: 'uniform', min: 50, max: 90 } },
      ],
      tenants: { names: ['a', 'b'], weights: [2, 1] },
      users: { count: 4 },
      models: { count: 2 },
      adapters: { count: 3, zipfExponent: 1, share: 0.4 },
      priorities: { kind: 'uniform', min: 0, max: 3 },
      sessions: {
        turns: { kind: 'geometric', mean: 3 },
        newTokens: { kind: 'exponential', mean: 40 },
        thinkTimeSec: { kind: 'exponential', mean: 4 },
        next: 'after_answer',
        maxPromptTokens: 9000,
        maxSessions: 50,
        agents: {
          probability: 0.3,
          children: 2,
          calls: { kind: 'zipf', exponent: 1.5, max: 6 },
          toolTimeSec: 1.5,
          newTokens: 60,
          context: 'own',
          promptTokens: 200,
          sharedTokens: 100,
          maxDepth: 2,
        },
      },
    },
    {
      name: 'batch',
      arrivals: {
        kind: 'poisson',
        onOff: { onRateRps: 20, offRateRps: 1, onSec: 2, everySec: 9, lengths: 'exponential' },
      },
      promptTokens: 900,
      outputTokens: 0,
      classes: [{ name: 'slow', weight: 1, priority: -1, ttftMs: 900, deadlineMs: 5000 }],
    },
    {
      name: 'day',
      arrivals: {
        kind: 'weibull',
        cv: 1.5,
        diurnal: { peakRateRps: 9, troughRateRps: 1, periodSec: 20 },
      },
      promptTokens: 100,
      outputTokens: 10,
    },
    {
      name: 'rest',
      arrivals: { kind: 'users', users: 3, rateRps: 1 },
      promptTokens: 9,
      outputTokens: 9,
    },
  ],
}

describe('a workload as TOML', () => {
  test.each([
    ['of several clients', everything],
    ['of one', { ...everything, clients: [{ ...everything.clients[2]!, name: undefined }] }],
  ])('%s describes the same traffic', (_, spec) => {
    const config = parseConfig(cluster + workloadToml(spec))
    const back = toWorkload(config.workload, spec.seed)!
    expect(generateTrace(back)).toEqual(generateTrace(spec))
  })
})

describe('a config', () => {
  test('says with one section what all clients share', () => {
    const { workload } = parseConfig(`${cluster}
[workload]
duration_sec = 5
prompt_tokens = 100
output_tokens = 10
[[workload.clients]]
name = "a"
arrivals.rate_rps = 3
[[workload.clients]]
name = "b"
unique_tokens = 7
output_tokens = 20
arrivals.rate_rps = 3
`)
    const { clients } = toWorkload(workload, 1)!
    expect(clients.map(({ outputTokens }) => outputTokens)).toEqual([
      { kind: 'fixed', value: 10 },
      { kind: 'fixed', value: 20 },
    ])
    expect(clients.map(({ promptTokens }) => promptTokens)).toEqual([
      { kind: 'fixed', value: 100 },
      undefined,
    ])
  })

  test.each([
    [
      'arrivals = { kind = "gamma", rate_rps = 2 }',
      'config:4:1 workload.arrivals.cv: expected a number > 0, got nothing',
    ],
    [
      'arrivals = { rate_rps = 2, cv = 2 }',
      'config:4:28 workload.arrivals.cv: expected nothing, got it with poisson',
    ],
    [
      'arrivals = { rate_rp = 2 }',
      'config:4:14 workload.arrivals.rate_rp: unknown key; did you mean "rate_rps"?',
    ],
    [
      'arrivals.rate_rps = 2\noutput_tokens = { kind = "normal", means = 3 }',
      'config:5:36 workload.output_tokens.means: unknown key; did you mean "mean"?',
    ],
    [
      'arrivals.rate_rps = 2\nunique_tokens = 3',
      'config:6:1 workload.prompt_tokens: expected either prompt_tokens or unique_tokens, got both of them',
    ],
    [
      '[[workload.prefixes]]\ncount = 2\nby = "user"\ntokens = 5\n[workload.arrivals]\nrate_rps = 1',
      'workload.prefixes.0: expected either count or by, got both of them',
    ],
  ])('%j is refused with the line of the fault', (lines, message) => {
    const head = `${cluster}[workload]\n${lines}\n`
    const body = lines.includes('[[')
      ? head.replace(
          '[workload]\n',
          '[workload]\nduration_sec = 1\nprompt_tokens = 1\noutput_tokens = 1\n',
        )
      : `${head}prompt_tokens = 1\nduration_sec = 1\n${lines.includes('output') ? '' : 'output_tokens = 1\n'}`
    expect(() => parseConfig(body)).toThrow(message)
  })

  test.each([
    ['10\n20\n\n# more\n10\n', [10, 20, 10], undefined],
    ['\uFEFF1,0.5\r\n2,0.25', [1, 2], [0.5, 0.25]],
    ['[3, 4.5]', [3, 4.5], undefined],
    ['{"7": 0.1, "9": 2}', [7, 9], [0.1, 2]],
  ])('takes numbers from a file: %j', async (text, values, weights) => {
    file('numbers.txt', text)
    const config = file(
      'with-file.toml',
      `${cluster}[workload]\nrequests = 300\narrivals.rate_rps = 5\nprompt_tokens = 10\noutput_tokens = { kind = "empirical", path = "numbers.txt" }`,
    )
    const { outputTokens } = await generatedRequests(config)
    const spec = {
      seed: 42,
      requests: 300,
      clients: [
        {
          arrivals: { kind: 'poisson', rateRps: 5 },
          promptTokens: 10,
          outputTokens: { kind: 'empirical', values, weights },
        },
      ],
    } as const
    expect(outputTokens).toEqual(generateTrace(spec).outputTokens)
  })

  test.each([
    ['', 'numbers.txt: expected at least one number, got none'],
    ['1\nx', 'numbers.txt:2: expected a number >= 0, got "x"'],
    ['1\n-2', 'numbers.txt:2: expected a number >= 0, got "-2"'],
    ['1,2\n3', 'numbers.txt:2: expected a weight on every line or on none'],
    ['1\n3,4', 'numbers.txt:2: expected a weight on every line or on none'],
    ['1,2,3', 'numbers.txt:1: expected a number, or number,weight, got "1,2,3"'],
    ['[1, "a"]', 'numbers.txt: [1]: expected a number >= 0, got "a"'],
    ['{"1": null}', 'numbers.txt: 1: expected a number >= 0, got null'],
    ['[1', 'numbers.txt: not valid JSON'],
  ])('tells what is wrong with a file of numbers: %j', async (text, message) => {
    file('numbers.txt', text)
    const config = file(
      'with-file.toml',
      `${cluster}[workload]\nrequests = 3\narrivals.rate_rps = 5\nprompt_tokens = 10\noutput_tokens = { kind = "empirical", path = "numbers.txt" }`,
    )
    await expect(generatedRequests(config)).rejects.toThrow(message)
  })
})

describe('a run', () => {
  const scenario = `${cluster}[workload]\nrequests = 60\nprompt_tokens = 200\noutput_tokens = 20\n`

  test('keeps the limit of requests in flight, of the config or of the options', async () => {
    const config = file('closed.toml', `${scenario}concurrency = 1\narrivals.kind = "at_once"`)
    const { result } = await run({ config })
    expect((await run({ config, concurrency: 1 })).result).toEqual(result)
    expect((await run({ config, concurrency: 60 })).result).not.toEqual(result)
    await expect(run({ config, perRequest: false })).rejects.toThrow(
      'concurrency: needs per-request results',
    )
  })

  test('sends a trace at other times', async () => {
    const trace = generateTrace({ rateRps: 20, durationSec: 10 })
    const config = file('plain.toml', cluster)
    const span = async (options: object): Promise<number> =>
      (await run({ config, trace, ...options })).scenario.spanMs
    const asIs = await span({})
    expect(await span({ arrivals: 'rescaled', rateRps: (trace.size - 1) / 2 })).toBeCloseTo(2000, 6)
    expect(await span({ arrivals: 'at_once' })).toBe(0)
    expect(await span({ arrivals: 'poisson', rateRps: 10 })).toBeGreaterThan(1.5 * asIs)
    await expect(span({ rateRps: 3 })).rejects.toThrow('rate: expected nothing')
    await expect(span({ arrivals: 'poisson' })).rejects.toThrow(
      'rate: expected requests per second',
    )
    await expect(
      run({ config: file('g.toml', `${scenario}arrivals.kind = "at_once"`), arrivals: 'at_once' }),
    ).rejects.toThrow('arrivals: expected requests that are read')
  })

  test('says where the config names a trace that can not be read', async () => {
    const named = file('named.toml', `${cluster}\n[trace]\nformat = "mooncake"\npath = "t.jsonl"`)
    await expect(run({ config: named })).rejects.toMatchObject({
      code: 'trace_unreadable',
      message: `${named}:6:1 trace.path: t.jsonl: no such file`,
    })
    const trace = file('t.jsonl', '{"ts":0,"prompt_tokens":1,"gen_tokens":1}')
    await expect(run({ config: named })).rejects.toThrow(
      `${named}:6:1 trace.path: ${trace}:1: timestamp: expected a number`,
    )
    await expect(run({ config: parseConfig(`${cluster}[trace]\npath = "x"`) })).rejects.toThrow(
      /^trace.path: x: no such file$/,
    )
    const swept = sweep({ config: named, set: { 'trace.path': ['gone.jsonl', 'lost.jsonl'] } })
    await expect(swept).rejects.toThrow(/^trace.path: gone.jsonl: no such file$/)
  })

  test('says which keys beside the path of a trace have no effect', async () => {
    file('few.jsonl', '{"ts":0,"prompt_tokens":1,"gen_tokens":1}\n'.repeat(9))
    const notes = async (keys: string, options: object = {}): Promise<readonly string[]> => {
      const config = file('beside.toml', `${cluster}\n[trace]\npath = "few.jsonl"\n${keys}`)
      return (await run({ config, ...options })).scenario.notes
    }
    const used = 'the trace that [trace] names is used as it is, without'
    expect(await notes('')).toEqual([])
    expect(await notes('rate = 5\nduration_sec = 10')).toEqual([
      `${used} rate and duration_sec; arrivals = "rescaled" sends it at the rate`,
    ])
    expect(await notes('generator = "gamma"')).toEqual([`${used} generator`])
    expect(await notes('rate = 5\narrivals = "poisson"')).toEqual([])
    expect(await notes('rate = 5', { arrivals: 'poisson' })).toEqual([])
    expect(await notes('rate = 5\ncv = 3\narrivals = "poisson"')).toEqual([`${used} cv`])
    const trace = generateTrace({ rateRps: 20, durationSec: 10 })
    expect(await notes('rate = 5', { trace })).toEqual([])
  })

  test('does not guess which of two descriptions is meant', async () => {
    const both = file('both.toml', `${scenario}arrivals.rate_rps = 3\n[trace]\ngenerator = "gamma"`)
    await expect(run({ config: both })).rejects.toThrow('trace.generator: expected nothing beside')
  })
})
