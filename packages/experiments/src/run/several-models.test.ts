import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../config/parse-config.js'
import { compare } from './compare.js'

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
