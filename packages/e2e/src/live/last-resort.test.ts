// What nobody catches in a router of a user's own neither kills a server at once nor prints a raw stack.
import { afterEach, expect, test } from 'vitest'
import { directoryWith } from '../testing/command.js'
import { live, stopAll } from '../testing/live-process.js'
import { until } from '../testing/until.js'

afterEach(stopAll)

/** Answers with one rejected promise that nobody waits for, and then with an exception in a timer. */
const at = directoryWith({
  'strays.mjs': `export default { name: 'strays', description: 'Strays.', parameters: {}, create: () => ({
    name: 'strays',
    route(request, cluster) {
      if (request.maxTokens === 1) Promise.reject(new Error('stray promise'))
      if (request.maxTokens === 2) setTimeout(() => { throw new Error('stray timer') }, 1)
      return cluster.backends[0]
    },
  }) }\n`,
})

test('a stray promise is logged; a stray exception lets requests end, and then ends the server with a message', async () => {
  const workers = await live(['mock-workers', '--num-workers', '1', '--port', '0'], 1)
  const worker = (JSON.parse(workers.lines[0]!) as { url: string }).url
  const more = ['--port', '0', '--admin-port', '0', '--duration', '3000']
  const serve = await live(['serve', '--worker', worker, '-a', at('strays.mjs'), ...more], 1)
  const { url } = JSON.parse(serve.lines[0]!) as { url: string }
  const ask = async (max_tokens: number): Promise<number> => {
    const body = JSON.stringify({ prompt: 'x', max_tokens })
    const response = await fetch(`${url}/v1/completions`, { method: 'POST', body })
    await response.text()
    return response.status
  }
  expect(await ask(1)).toBe(200)
  await until(() => serve.stderr().includes('"event":"fault"'))
  expect(await ask(2)).toBe(200)
  await until(() => serve.child.exitCode !== null && serve.stderr().includes('error:'))
  expect(serve.child.exitCode).toBe(1)
  expect(serve.stderr()).toMatch(
    /"event":"crashed".*\n.*"draining"[\s\S]*"stopped".*\nerror: stopped by an exception that nobody caught: Error: stray timer\n/,
  )
  expect(serve.stderr()).not.toContain('node:internal')
})
