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
const at = directoryWith({
  'arrival.toml': pools('arrival'),
  'hand_over.toml': pools('hand_over'),
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
    stderr: expect.stringContaining('the first with early'),
  })
})

test('twin says so when the config decides later than live routers do', async () => {
  const note = 'note: cluster.disaggregated.decode_decision: a live router decides on arrival'
  const twin = (decision: string) =>
    inProcess([...line('twin', decision), '-a', 'random', '--kv-index', 'none'])
  expect((await twin('hand_over')).stderr).toContain(note)
  expect((await twin('arrival')).stderr).not.toContain(note)
})
