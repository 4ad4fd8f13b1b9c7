import { expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'

const ROUTER = `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({
  name: 'last',
  description: 'Sends to the last backend.',
  parameters: { back: { default: 1, description: 'How far from the end.', min: 1, max: 2 } },
  create: ({ back }) => ({ route: (_request, cluster) => cluster.backends.at(-back) }),
})
`
const at = directoryWith({
  'c.toml': '[cluster]\nnum_backends = 2\n[trace]\nrate = 5\nduration_sec = 2\ngen_tokens_mean = 5',
  'listed.toml': `[cluster]
num_backends = 2
[trace]
rate = 5
duration_sec = 2
gen_tokens_mean = 5
[compare]
algorithms = ["round_robin", "./plain.js:back=2"]
[sweep]
algorithms = ["round_robin", "./plain.js:back=2"]
seeds = 2
`,
  'typed.ts': ROUTER.replace('(_request, cluster)', '(_request: unknown, cluster: any): any'),
  'plain.js': ROUTER,
  'syntax.ts': 'export default {{',
  'import.js': "import x from 'no-such-package'\nexport default x",
  'nothing.ts': 'export const x = 1',
  'hand-made.js': "export default { name: 'x', create: () => ({ route: () => 99 }) }",
  'no-route.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'x', description: '', create: () => ({}) })`,
  'throws.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'boom', description: '', create: () => ({ route() { throw new Error('kaboom') } }) })`,
  'creates.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'boom', description: '', create: () => { throw new Error('kaboom') } })`,
  'creates.mjs': `export default { name: 'boom', parameters: {}, create: () => { null.x } }`,
  'nameless.mjs': `export default { name: 'mine', parameters: {}, create: () => ({
  route() { throw new Error('kaboom') } }) }`,
  'routeless.mjs': `export default { name: 'mine', parameters: {}, create: () => ({}) }`,
  'typo.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'x', description: '', paramters: {}, create: () => ({ route: () => 99 }) })`,
  'nowhere.js': `import { defineRouter } from '@routesim/algorithms'
export default defineRouter({ name: 'nowhere', description: '', create: () => ({ route: () => 99 }) })`,
})
const config = ['-c', at('c.toml')]

test.each(['typed.ts', 'plain.js'])(
  'a router of one file outside any project runs: %s',
  async (name) => {
    const args = ['compare', ...config, '-A', `round_robin,./${name}`, '--format', 'json']
    const { code, stdout, stderr } = await routesim(args, { cwd: at('.') })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const [, own] = JSON.parse(stdout)
    expect(own.algorithm).toBe('last')
    expect(own.per_backend_requests[0]).toBe(0)
  },
)

test('a config names router files for compare and sweep, beside it or in the working directory', async () => {
  for (const [command, cwd] of [
    ['compare', undefined],
    ['sweep', undefined],
    ['compare', at('.')],
  ] as const) {
    const args = [command, '-c', at('listed.toml'), '--format', 'json']
    const { code, stdout, stderr } = await routesim(args, { ...(cwd !== undefined && { cwd }) })
    expect(code, stderr).toBe(0)
    const found: readonly { readonly algorithm: string }[] = JSON.parse(stdout)
    const names = found.map(({ algorithm }) => algorithm)
    expect(new Set(names)).toEqual(new Set(['round_robin', 'last:back=2']))
  }
})

test('parameters of a router file are set and checked', async () => {
  const run = (spec: string) => routesim(['run', ...config, '-a', spec, '--format', 'json'])
  const [two, three] = await Promise.all([
    run(`${at('plain.js')}:back=2`),
    run(`${at('plain.js')}:back=3`),
  ])
  expect(JSON.parse(two.stdout)).toMatchObject({ algorithm: 'last:back=2' })
  expect(JSON.parse(two.stdout).per_backend_requests[1]).toBe(0)
  expect(three.code).toBe(2)
  expect(three.stderr).toContain('algorithms.last.back: expected')
})

test.each<[name: string, complaint: string, line?: number]>([
  ['none.ts', 'none.ts: no such file'],
  ['syntax.ts', 'syntax.ts: can not be loaded: Unexpected token'],
  ['import.js', "import.js: can not be loaded: Cannot find module 'no-such-package'", 1],
  ['nothing.ts', 'nothing.ts: expected one exported router made with defineRouter, got 0'],
  ['hand-made.js', 'hand-made.js: expected one exported router made with defineRouter, got 0'],
  ['no-route.js', 'expected create() to return an object with a route function'],
  ['throws.js', 'router "boom" threw in route() for request 0: Error: kaboom', 2],
  ['creates.js', 'router "boom" threw in create(): Error: kaboom', 2],
  ['creates.mjs', 'router "boom" threw in create(): TypeError: Cannot read', 1],
  ['nameless.mjs', 'router "mine" threw in route() for request 0: Error: kaboom', 2],
  ['routeless.mjs', 'expected create() to return an object with a route function, got one without'],
  ['typo.js', 'algorithms.x.paramters: unknown option', 2],
  ['nowhere.js', 'router "nowhere": request 0: expected a backend of the cluster'],
])(
  'a faulty router file says what is wrong, and where it threw: %s',
  async (name, complaint, line) => {
    const { code, stdout, stderr } = await routesim(['run', ...config, '-a', at(name)])
    expect(stderr).toContain(complaint)
    const places = line === undefined ? [] : [`    at ${at(name)}:${line}`]
    expect(stderr.match(/^ +at .*$/gm) ?? []).toEqual(places)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  },
)

test('with --debug the stack of what a router threw is shown too', async () => {
  const { stderr } = await routesim(['run', ...config, '-a', at('throws.js'), '--debug'])
  expect(stderr).toMatch(/caused by: Error: kaboom\n +at .*throws\.js:2:\d+/)
})
