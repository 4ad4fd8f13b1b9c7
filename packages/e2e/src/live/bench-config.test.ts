import { expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'

const pools = (decision: string): string => `[cluster]
num_backends = 2
[cluster.disaggregated]
enabled = true
prefill_backends = 1
decode_backends = 1
decode_decision = "${decision}"
`
const ONE = '[cluster]\nnum_backends = 1\n'
const at = directoryWith({
  'arrival.toml': pools('arrival'),
  'hand_over.toml': pools('hand_over'),
  'closed.toml': `${ONE}[algorithms.gate]
when_full = "shed"
saturation = "concurrency"
request_limit = 1
`,
  'unknown.toml': `${ONE}[algorithms.least_outstanding]\nnonsense = 3\n`,
  'idle.toml': `${ONE}[client]
timeout_ms = 10000
[[events]]
at_sec = 1
kind = "fail"
backend = 0
[visibility]
routers = 4
`,
  // Refuses to say before any time has passed where to decode.
  'late.mjs': `export default {
    name: 'late', description: 'Late.', parameters: {},
    create: () => ({
      name: 'late',
      route: (_, { backends, nowMs }) =>
        backends[0].role === 'decode' && nowMs === 0
          ? { kind: 'reject', reason: 'early' }
          : backends[0],
    }),
  }`,
})
const line = (command: string, decision: string): string[] => [
  ...command.split(' '),
  ...['-c', at(`${decision}.toml`), '--requests', '1', '--isl', '100', '--osl', '4'],
]

test('bench asks where to decode when the config says', async () => {
  const bench = (decision: string) =>
    inProcess([...line('bench load', decision), '-a', at('late.mjs')])
  expect(await bench('hand_over')).toMatchObject({ code: 0 })
  expect(await bench('arrival')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('1 with early'),
  })
})

test('twin says so when the config decides later than live routers do', async () => {
  const note = 'note: cluster.disaggregated.decode_decision: a live router decides on arrival'
  const twin = (decision: string) =>
    inProcess([...line('twin', decision), '-a', 'random', '--kv-index', 'none'])
  expect((await twin('hand_over')).stderr).toContain(note)
  expect((await twin('arrival')).stderr).not.toContain(note)
})

test('bench takes parameters of algorithms from a config, as run does', async () => {
  const words = ['--requests', '5', '--isl', '100', '--osl', '100', '--request-rate', '1000']
  const bench = ['bench', 'load', '-c', at('closed.toml'), '-a', 'gate(round_robin)', ...words]
  const { code, stdout } = await inProcess(bench)
  expect([code, stdout]).toEqual([0, expect.stringMatching(/error_request_count +4\.00/)])
})

test.each(['bench load', 'twin', 'up --port 0'])(
  '%s refuses an unknown parameter in a config, as run does',
  async (command) => {
    const { code, stderr } = await inProcess([...command.split(' '), '-c', at('unknown.toml')])
    expect(code).toBe(1)
    expect(stderr).toContain('algorithms.least_outstanding.nonsense: unknown parameter')
  },
)

test('bench names the sections of a config that have no effect', async () => {
  const { code, stderr } = await inProcess(line('bench load', 'idle'))
  expect(code).toBe(0)
  const sections = ['[client]', '[[events]]', '[visibility]']
  expect(stderr.match(/^note: .*has no effect.*$/gm)).toEqual(
    sections.map((name) => `note: ${name} has no effect here; run and compare simulate it`),
  )
})
