/** Versions that a new project asks for; a test holds them to those of this repository. */
export const TOOL_VERSIONS = {
  '@types/node': '20.19.43',
  typescript: '7.0.2',
  vitest: '4.1.12',
} as const

/** What a new project is made from. */
export interface RouterProject {
  /** Lower case letters, digits, `-` and `_`, beginning with a letter. */
  readonly name: string
  /** What it asks for of a package of RouteSim, as `^1.2.0` of `core`. */
  readonly versionOf: (name: string) => string
  /** The command that installs what it depends on. */
  readonly install: string
}

/** The files of a project with one router, but for its trace, by path. */
export function routerProject({
  name,
  versionOf,
  install,
}: RouterProject): Readonly<Record<string, string>> {
  const router = name.replaceAll('-', '_')
  const file = name.replaceAll('_', '-')
  return {
    'package.json': packageJson(file, versionOf),
    'tsconfig.json': TSCONFIG,
    'README.md': readme(file, install),
    'vitest.config.ts': VITEST,
    'scenario.toml': SCENARIO,
    [`src/${file}.ts`]: routerFile(router),
    [`src/${file}.test.ts`]: testFile(router, file),
  }
}

function packageJson(file: string, versionOf: RouterProject['versionOf']): string {
  const own = (name: string) => ({ [`@routesim/${name}`]: versionOf(name) })
  const project = {
    name: `routesim-router-${file}`,
    version: '0.1.0',
    private: true,
    type: 'module',
    scripts: {
      compare: `routesim compare -c scenario.toml -t trace.jsonl -A round_robin,least_outstanding,./src/${file}.ts`,
      explain: `routesim explain -c scenario.toml -t trace.jsonl -a ./src/${file}.ts --worst 3`,
      test: 'vitest run',
      typecheck: 'tsc --noEmit',
    },
    dependencies: { ...own('algorithms'), ...own('core') },
    devDependencies: { ...own('cli'), ...own('experiments'), ...TOOL_VERSIONS },
  }
  return `${JSON.stringify(project, undefined, 2)}\n`
}

const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'ES2022',
      module: 'NodeNext',
      strict: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      noEmit: true,
      types: ['node'],
    },
    include: ['src'],
  },
  undefined,
  2,
)}
`

const VITEST = `// Without it, Vitest would look for one in the folders above.
export default {}
`

const SCENARIO = `# Four H100s behind one router. Every key is described by the reference of the config file.
[cluster]
num_backends = 4
gpu_type = "H100Sxm"
kv_cache_blocks = 8192

[simulation]
seed = 42

# What routers see; try "llm-d", or "standalone-100ms", where load is known late.
[visibility]
profile = "exact"
`

function readme(file: string, install: string): string {
  return `# ${file}

A router for LLM requests, in \`src/${file}.ts\`, and its test. \`${install}\`, then:
\`npm run compare\` simulates it on \`trace.jsonl\` beside two others, \`npm run explain\` tells why
its slowest requests went where they went, and \`npm test\` and \`npm run typecheck\` check it.
`
}

function routerFile(router: string): string {
  return `import { defineRouter, mostBy } from '@routesim/algorithms'

/** The cached share of the prompt, less a little for every request that is there already. */
export default defineRouter({
  name: '${router}',
  description: 'Prefers backends that hold the prompt, and among them idle ones.',
  parameters: {
    load_weight: {
      default: 0.05,
      min: 0,
      description: 'What one request under way costs, in shares of the prompt.',
    },
  },
  // Called once for every run: state belongs in here.
  create: ({ load_weight }) => ({
    route(request, cluster) {
      const cached = cluster.prefixMatch(request)
      return mostBy(
        cluster,
        (backend) =>
          (cached[backend.id] ?? 0) / request.promptTokens - load_weight * backend.outstanding,
      )
    },
  }),
})
`
}

function testFile(router: string, file: string): string {
  return `import { fileURLToPath } from 'node:url'
import { testCluster, testRequest } from '@routesim/algorithms'
import { compare, metric } from '@routesim/experiments'
import { expect, test } from 'vitest'
import router from './${file}.js'

const path = (name: string) => fileURLToPath(new URL(\`../\${name}\`, import.meta.url))
const traffic = { config: path('scenario.toml'), trace: path('trace.jsonl'), jobs: 1 }

test('${router} goes where the prompt is cached, unless too much is there already', () => {
  const chosen = (running: number) => {
    const cluster = testCluster([{}, { running }], { matchedTokens: [0, 80] })
    const decision = router.create().route(testRequest({ promptTokens: 100 }), cluster)
    return cluster.backends.findIndex((backend) => backend === decision)
  }
  expect(chosen(5)).toBe(1)
  expect(chosen(50)).toBe(0)
})

test('${router} answers every request, more of them from the cache than round robin', async () => {
  const { results } = await compare({ ...traffic, algorithms: ['round_robin', router] })
  const value = (name: string) => results.map((result) => metric(result, name).value ?? 0)
  expect(value('rejected_requests')).toEqual([0, 0])
  const [inTurn = 0, own = 0] = value('token_hit_rate')
  expect(own).toBeGreaterThan(inTurn)
})

test('${router} decides the same under the same seed', async () => {
  const once = async () => (await compare({ ...traffic, algorithms: [router] })).results
  expect(await once()).toEqual(await once())
})

test('${router} refuses parameters that make no sense', () => {
  expect(() => router.create({ load_weight: -1 })).toThrow('load_weight')
})
`
}
