// A fleet in one command: it waits for its workers, outlives failures on purpose, and ends whole.
import { afterEach, expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'
import { live, stopAll } from '../testing/live-process.js'
import { until } from '../testing/until.js'

afterEach(stopAll)

const UP = 'up --num-workers 2 --port 0 --admin-port 0'.split(' ')

test('up pings its workers when their startup time is over', async () => {
  const up = await live([...UP, '--startup-time', '1'], 3)
  expect(up.lines[2]).toMatch(/^mock-model: 10 tokens from worker [01]/)
  expect(up.stderr()).toBe('')
  expect(await up.stop('SIGINT')).toBe(0)
})

test('Ctrl-C stops it while it waits for its workers', async () => {
  const up = await live([...UP, '--startup-time', '1000'], 2)
  expect(await up.stop('SIGINT')).toBe(0)
  expect(up.lines).toHaveLength(2)
  expect(up.stderr()).toBe('')
})

test.each([
  ['--error-rate 1', 'status 500 in answer to a ping: a failure on purpose'],
  ['--break-rate 1', 'no answer to a ping: '],
])('up %s says that workers fail on purpose, and goes on', async (failures, why) => {
  const up = await live([...UP, ...failures.split(' ')], 2)
  await until(() => up.stderr().includes(why))
  expect(up.stderr()).toMatch(/^note: workers fail on purpose: http:.*\n$/)
  const admin = /http:\S+/.exec(up.lines[1]!)![0]
  expect((await fetch(`${admin}/health`)).status).toBe(200)
  expect(await up.stop('SIGINT')).toBe(0)
})

test.each(['--startup-time 1000', '--hang-rate 1', '--crash-after 1000'])(
  'up %s ends after its --duration',
  async (words) => {
    const { code, stderr } = await routesim([...UP, ...words.split(' '), '--duration', '1'])
    expect(stderr).toBe('')
    expect(code).toBe(0)
  },
)

test('mock workers that have ended do not wait for the crash that was asked for', async () => {
  const words = 'mock-workers --num-workers 1 --port 0 --duration 0.1 --crash-after 1000'
  expect((await routesim(words.split(' '))).code).toBe(0)
})

test('a ping that fails, and was not to, ends up with all that it has started', async () => {
  const at = directoryWith({
    'broken.mjs': `export default { name: 'broken', description: 'Throws.', parameters: {}, create: () => ({
      name: 'broken', route() { throw new Error('no') },
    }) }\n`,
  })
  const words = [...UP, '-a', at('broken.mjs'), '--duration', '3000']
  const { code, stdout, stderr } = await routesim(words)
  expect(stderr).toMatch(/^error: http:.*: status 500 in answer to a ping/)
  expect(code).toBe(1)
  for (const url of stdout.match(/http:\/\/[\d.:]+/g)!)
    await expect(fetch(`${url}/health`)).rejects.toThrow()
})
