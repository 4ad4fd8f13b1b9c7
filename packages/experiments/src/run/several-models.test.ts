import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'
import type { RunObserver } from './execute.js'
import { type ExplainedDecision, explain } from './explain.js'

const path = join(mkdtempSync(join(tmpdir(), 'routesim-models-')), 'turns.jsonl')
const lines = Array.from({ length: 40 }, (_, i) => ({
  ...{ ts: 1000 * i, prompt_tokens: 100, gen_tokens: 4, model: i % 2 === 0 ? 'a' : 'b' },
}))
writeFileSync(path, lines.map((line) => JSON.stringify(line)).join('\n'))

test.each(['', '[cluster.disaggregated]\ndecode_decision = "hand_over"'])(
  'requests for two models in turn use all backends of both: %j',
  async (disaggregated) => {
    const roles = disaggregated === '' ? ['both'] : ['prefill', 'decode']
    const groups = ['a', 'b'].flatMap((model) =>
      roles.map(
        (role) =>
          `[[cluster.backends]]\ncount = 2\nserved_model_name = "${model}"\nrole = "${role}"`,
      ),
    )
    const config = parseConfig(['[cluster]', ...groups, disaggregated].join('\n'))
    const algorithms = ['round_robin', 'gate(round_robin)']
    const { results } = await compare({ config, trace: path, algorithms, jobs: 1 })
    for (const { per_backend } of results) {
      const [first, ...others] = per_backend.map(({ steps }) => steps)
      const half = per_backend.filter(({ steps }) => steps === first)
      expect(others.every((steps) => (steps as number) > 0)).toBe(true)
      expect(half.length).toBe(4)
    }
  },
)

test.each([1, 2])(
  'a model of more traffic is no imbalance, with %i ranks a backend',
  async (dp) => {
    const skewed = join(mkdtempSync(join(tmpdir(), 'routesim-models-')), 'skewed.jsonl')
    const most = lines.map((line, i) => ({ ...line, model: i % 10 < 8 ? 'a' : 'b' }))
    writeFileSync(skewed, most.map((line) => JSON.stringify(line)).join('\n'))
    const groups = ['a', 'b'].map(
      (model) => `[[cluster.backends]]\ncount = 2\ndp = ${dp}\nserved_model_name = "${model}"`,
    )
    const config = parseConfig(['[cluster]', ...groups].join('\n'))
    const { results } = await compare({
      config,
      trace: skewed,
      algorithms: ['round_robin'],
      jobs: 1,
    })
    expect(results[0]).toMatchObject({
      ...{ per_backend_requests: [16, 16, 4, 4] },
      ...{ jains_fairness_index: 1, load_cv: 0 },
    })
  },
)

const group = (role: string, model: string, more = ''): string =>
  `[[cluster.backends]]\ncount = 2\nrole = "${role}"\nmodel = "${model}"\ntp = 4\n${more}\n`
const [small, large] = ['Llama-3.1-8B', 'Llama-3.1-70B'] as const
const twoModels = [
  ...[group('prefill', small), group('prefill', large)],
  ...[group('decode', small), group('decode', large)],
].join('')

test.each(['arrival', 'hand_over'])(
  'requests that name no model are decoded by the model that computed their prompts: on %s',
  async (decodeAt) => {
    const config = parseConfig(
      `[cluster.disaggregated]\ndecode_decision = "${decodeAt}"\n${twoModels}[workload]\nrequests = 40\nprompt_tokens = 1000\noutput_tokens = 50\narrivals = { kind = "constant", rate_rps = 2 }`,
    )
    const pairs = new Set<string>()
    const observer: RunObserver = {
      finished: ({ outcomes: { prefillBackend, backend } }) => {
        prefillBackend.forEach((id, row) => {
          pairs.add(`${id < 2 ? 'small' : 'large'} ${backend[row]! < 6 ? 'small' : 'large'}`)
        })
      },
    }
    const algorithms = ['random', 'round_robin', 'prefix_aware']
    const { results } = await compare({ config, algorithms, observer })
    expect([...pairs].sort()).toEqual(['large large', 'small small'])
    // Each model has turns of its own: nobody is left out.
    expect(results[1]!.per_backend_requests).toEqual(Array(8).fill(10))
    const { requests } = await explain({ config, algorithm: 'random', requests: { ids: [5] } })
    const [{ alternatives }] = requests[0]!.decisions as [ExplainedDecision]
    expect(alternatives.length).toBeGreaterThan(1)
  },
)

test.each([
  [
    group('prefill', small) + group('decode', large),
    `cluster.backends.0.role: expected a group that decodes "${small}" too, got none`,
  ],
  [
    group('prefill', small, 'served_model_name = "chat"') +
      group('decode', large, 'served_model_name = "chat"'),
    `cluster.backends.0.model: expected "${large}", as on the group that decodes for this one, got "${small}"`,
  ],
  [
    group('prefill', small, 'kv_precision = "fp8"') + group('decode', small),
    'cluster.backends.0.kv_precision: expected "bf16", as on the group that decodes for this one, got "fp8"',
  ],
])('KV caches that mean nothing where they would be sent are refused: %#', (groups, message) => {
  expect(() => parseConfig(`[cluster.disaggregated]\nenabled = true\n${groups}`)).toThrow(message)
})
