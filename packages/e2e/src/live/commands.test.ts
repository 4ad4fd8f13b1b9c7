import type { ChildProcess } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { directoryWith, routesim } from '../testing/command.js'
import { inProcess } from '../testing/in-process.js'
import { live, stopAll } from '../testing/live-process.js'
import { until } from '../testing/until.js'

afterEach(stopAll)

const WORKER = '--worker http://127.0.0.1:1'
const at = directoryWith({
  'empty.key': '\n',
  'router.toml': '[[workers]]\nurl = "ftp://x"\n',
  'offload.toml': '[cluster]\nnum_backends = 1\nkv_offload = { cpu_gb = 10 }\n',
  'group.toml': '[cluster]\n[[cluster.backends]]\nkv_offload = { cpu_gb = 10 }\n',
  'broken.toml': 'algorithm = "random"\n[[workers]\n',
  'trace.jsonl': Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({
      timestamp: i * 20,
      input_length: 1024,
      output_length: 4,
      hash_ids: [i % 4, 100 + i],
    }),
  ).join('\n'),
  'labelled.jsonl': '{"ts":0,"prompt_tokens":900,"gen_tokens":4,"tenant":"a","priority":2}',
})

test.each([
  [
    'mock-workers --num-workers 0',
    '--num-workers: expected an integer from 1 to 2147483647, got 0',
  ],
  ['mock-workers --port 70000', '--port: expected a port from 0 to 65535, got 70000'],
  ['mock-workers --port 65530', '--port: expected ports for 8 workers, 65530 is followed by 5'],
  ['mock-workers --error-rate 2', '--error-rate: expected a number from 0 to 1, got 2'],
  ['mock-workers --latency-spike x', '--latency-spike: expected share:ms such as 0.01:2000'],
  ['mock-workers --failing-worker 8', '--failing-worker: expected one of the workers 0 to 7'],
  ['mock-workers --speedup-ratio 0', '--speedup-ratio: expected a number > 0, got 0'],
  ['mock-workers --duration -1', '--duration: expected seconds from 0 to 2147483, got -1'],
  ['up --duration 3000000', '--duration: expected seconds from 0 to 2147483, got 3000000'],
  ['serve', 'expected workers: --worker URL, or [[workers]] in a --config; got none'],
  [`serve ${WORKER} --port -1`, '--port: expected a port from 0 to 65535, got -1'],
  [`serve ${WORKER} --kv-events`, '--kv-events: expected --kv-events-from with it, got none'],
  [`serve ${WORKER} --kv-events --predictive`, '--kv-events: expected it without --predictive'],
  [
    `serve ${WORKER} ${WORKER} --kv-events --kv-events-from tcp://127.0.0.1:1`,
    '--kv-events-from: expected an address for each of 2 workers, got 1',
  ],
  ['serve --worker ftp://x', '--worker: expected a URL such as http://host:8000, without a path'],
  ['serve --worker http://u:p@h', '--worker: expected a URL such as http://host:8000, without'],
  ['serve --worker http://h/v1', '--worker: expected a URL such as http://host:8000, without'],
  [
    `serve --prefill-worker http://h --decode-worker h`,
    '--decode-worker: expected a URL such as http://host:8000, without a path or a password, got "h"',
  ],
  [
    `serve ${WORKER} --kv-events --kv-events-from x`,
    '--kv-events-from: expected a ZMQ address such as tcp://host:5557, got "x"',
  ],
  ...['tcp://h/x:55', 'tcp://*:55', 'tcp://h:65536', 'tcp://h:0'].map((address) => [
    `serve ${WORKER} --kv-events --kv-events-from ${address}`,
    `--kv-events-from: expected a ZMQ address such as tcp://host:5557, got "${address}"`,
  ]),
  [`serve ${WORKER} --dp-size 0`, '--dp-size: expected an integer from 1 to 65535, got 0'],
  [
    `serve -c ${at('router.toml')} --dp-size 2`,
    '--dp-size: expected --worker URL with it, got none',
  ],
  [
    `serve ${WORKER} --dp-size 2 --kv-events --kv-events-from ipc:///tmp/x`,
    '--kv-events-from: expected a TCP address with a port for each of 2 ranks',
  ],
  [
    `serve ${WORKER} -a random,prefix_aware:ties=first`,
    '--algorithm: expected one algorithm, got random and prefix_aware:ties=first',
  ],
  ['up -a random,preble', '--algorithm: expected one algorithm, got random and preble'],
  ['twin -a random,preble', '--algorithm: expected one algorithm, got random and preble'],
  ['bench load -a random,preble', '--algorithm: expected one algorithm, got random and preble'],
  [`serve ${WORKER} --block-size 0`, '--block-size: expected an integer from 1 to 65536, got 0'],
  [
    `serve -c ${at('router.toml')} --metrics-interval -5`,
    '--metrics-interval: expected an integer',
  ],
  ['ping abc', 'port: expected a port up to 65535, got "abc"'],
  ['ping --url nope', '--url: expected an address such as http://127.0.0.1:8000, got "nope"'],
  ['up --admin-port 1.5', '--admin-port: expected a port from 0 to 65535, got 1.5'],
  ['bench', 'expected prefix-ratio, trace or load'],
  ['bench load --prefix-ratio 2', '--prefix-ratio: expected a number from 0 to 1, got 2'],
  ['bench load --request-rate 0', '--request-rate: expected a number > 0, got 0'],
  ['bench load --requests 1e12', '--requests: expected an integer from 1 to 10000000, got 10000'],
  ['bench load --isl 1e12', '--isl: expected an integer from 1 to 2147483647, got 10000000000'],
  ['bench load --prefix-ratio 0.5', '--num-prefix-prompts: expected an integer >= 1 beside'],
  ['bench load --arrival-pattern constant', '--arrival-pattern: only with --request-rate'],
  ['bench load --url http://h --num-workers 4', '--num-workers: expected nothing beside --url'],
  [
    'bench load --num-prefill-workers 2',
    '--num-decode-workers: expected it beside --num-prefill-workers, got none',
  ],
  [
    'mock-workers --num-workers 4 --num-prefill-workers 2 --num-decode-workers 2',
    '--num-workers: expected nothing beside --num-prefill-workers and --num-decode-workers',
  ],
  ['bench load --url nope', '--url: expected an address such as http://127.0.0.1:8000, got "nope"'],
  ['bench prefix-ratio --prefix-ratios 0.1,x', '--prefix-ratios: expected numbers from 0 to 1'],
  ['bench prefix-ratio --prefix-ratios 0.1 2', '--prefix-ratios: expected numbers from 0 to 1'],
  [`bench trace -t ${at('trace.jsonl')} --speedup-ratio 0`, '--speedup-ratio: expected a number'],
  [`bench trace -t ${at('trace.jsonl')} --head 0`, '--head: expected an integer >= 1, got 0'],
  ['bench trace', '--input-dataset: expected a trace, got none, and there is no mooncake_trace'],
  ['twin --head 5', '--head: expected nothing beside traffic that is made; it is for --trace'],
  [
    `twin -t ${at('trace.jsonl')} --requests 2`,
    '--requests: expected nothing beside --trace; it is for traffic that is made',
  ],
  ['twin --request-rate -1', '--request-rate: expected a number > 0, got -1'],
])('%s is wrong usage', async (words, message) => {
  const { code, stderr } = await inProcess(words.split(' '))
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})

test.each([
  ['serve -c no-such.toml', 'no-such.toml: no such file'],
  [`serve -c ${at('broken.toml')}`, 'broken.toml:2:11 not valid TOML: '],
  [`serve -c ${at('router.toml')}`, 'router.toml workers.0.url: expected a URL such as http:'],
  [
    `serve ${WORKER} --api-key-file ${at('empty.key')}`,
    'empty.key: expected a key, got an empty file',
  ],
  [`serve ${WORKER} --api-key-file ${at('no.key')}`, 'no.key: no such file'],
  [`serve ${WORKER} --host no.such.host.invalid`, 'Choose an address of this machine'],
  [
    `bench prefix-ratio --url http://127.0.0.1:1 --requests 2 --isl 9 -o ${at('sweep')}`,
    'all of the 2 requests failed',
  ],
  [`serve ${WORKER} --record ${at('no/such')} --port 0`, 'there is no folder'],
  ['bench load --url http://127.0.0.1:1 --requests 2', 'all of the 2 requests failed: 2 with'],
  ['bench load --requests 2 -o /dev/null/x', '/dev/null/x: can not be written'],
  [`bench load --requests 2 -o ${at('trace.jsonl')}`, 'expected a folder, got a file'],
  [`mock-workers -c ${at('offload.toml')}`, 'error: cluster.kv_offload: expected no memory for'],
  [`up -c ${at('group.toml')}`, 'error: cluster.backends.0.kv_offload: expected no memory for'],
  [`twin -c ${at('offload.toml')}`, 'error: cluster.kv_offload: expected no memory for'],
  ['serve -c .', '.: expected a file, got a directory'],
  ['bench trace -t no-such', 'no-such: no such file'],
  [
    'twin --url http://127.0.0.1:1 --requests 2',
    'all of the 2 requests failed: 2 with ECONNREFUSED',
  ],
  ['ping --url http://127.0.0.1:9', 'no answer to a ping'],
])('%s fails, says why, and leaves nothing running', async (words, message) => {
  const { code, stderr } = await routesim(words.split(' '))
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('unexpected')
  expect(code).toBe(1)
})

test.each([`serve ${WORKER} -a nope`, 'up -a nope --num-workers 2'])(
  '%s is wrong usage, and leaves nothing running',
  async (words) => {
    const { code, stderr } = await routesim(words.split(' '))
    expect(stderr).toContain('unknown router "nope"')
    expect(code).toBe(2)
  },
)

test('an address that is taken is said to be, by every server, and the process ends', async () => {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
  })
  try {
    for (const words of [
      `mock-workers --num-workers 1 --port ${port}`,
      `mock-workers --num-workers 2 --port 0 --kv-events-port ${port}`,
      `serve ${WORKER} --port ${port} --admin-port 0`,
      `serve ${WORKER} --port 0 --admin-port ${port}`,
      `up --num-workers 1 --port 0 --admin-port ${port}`,
    ]) {
      const { code, stderr } = await routesim(words.split(' '))
      expect(stderr, words).toMatch(/can not (listen|publish KV events) on/)
      expect(code).toBe(1)
    }
  } finally {
    server.close()
  }
})

interface Up {
  readonly url: string
  readonly admin: string
}

async function workersAndRouter(...more: readonly string[]): Promise<{
  router: Awaited<ReturnType<typeof live>>
  workers: Awaited<ReturnType<typeof live>>
  address: Up
}> {
  const workers = await live(
    'mock-workers --num-workers 2 --port 0 --kv-events-port 0 --block-size 16'.split(' '),
    2,
  )
  const addresses = workers.lines.map(
    (line) => JSON.parse(line) as { url: string; kvEvents: string; kvReplay: string },
  )
  const router = await live(
    [
      ...'serve --port 0 --admin-port 0 --kv-events --block-size 16'.split(' '),
      ...addresses.flatMap(({ url }) => ['--worker', url]),
      ...addresses.flatMap(({ kvEvents }) => ['--kv-events-from', kvEvents]),
      ...addresses.flatMap(({ kvReplay }) => ['--kv-replay-from', kvReplay]),
      ...more,
    ],
    1,
  )
  return { workers, router, address: JSON.parse(router.lines[0]!) as Up }
}

const PROMPT = 'Once upon a midnight dreary. '.repeat(20)

function stream(url: string, maxTokens: number): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: PROMPT, max_tokens: maxTokens, stream: true }),
  })
}

test('workers, a router that hears of every worker, a ping; SIGTERM drains, Ctrl-C stops', async () => {
  const { workers, router, address } = await workersAndRouter()
  expect(address.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const ping = await routesim(['ping', new URL(address.url).port])
  expect(ping.stdout).toMatch(/^mock-model: 10 tokens from worker [01], first after \d+ ms/)
  for (let i = 0; i < 4; i++) await (await stream(address.url, 4)).text()
  await until(async () => {
    const told = (await (await fetch(`${address.admin}/workers`)).json()) as {
      kv_events: { batches: number }
    }[]
    return told.length === 2 && told.some(({ kv_events }) => kv_events.batches > 0)
  })
  const answer = await stream(address.url, 100)
  const reader = answer.body!.getReader()
  await reader.read()
  const ended = router.stop('SIGTERM')
  await until(() => router.stderr().includes('"draining","in_flight":1'))
  await expect(fetch(`${address.url}/health`)).rejects.toThrow()
  let text = ''
  for (let next = await reader.read(); !next.done; next = await reader.read())
    text += Buffer.from(next.value as Uint8Array).toString()
  expect(text).toMatch(/data: \[DONE\]\s*$/)
  expect(await ended).toBe(0)
  expect(router.stderr()).not.toContain('midnight')
  expect(await workers.stop('SIGINT')).toBe(0)
})

test('servers listen on loopback alone unless told otherwise', async () => {
  const { address } = await workersAndRouter()
  const others = Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  )
  for (const { address: host } of others) {
    for (const url of [address.url, address.admin]) {
      await expect(fetch(`http://${host}:${new URL(url).port}/health`)).rejects.toThrow()
    }
  }
  expect([address.url, address.admin].map((url) => new URL(url).hostname)).toEqual([
    '127.0.0.1',
    '127.0.0.1',
  ])
})

test('an admin port stays on loopback when clients may come from elsewhere', async () => {
  const { address } = await workersAndRouter('--host', '0.0.0.0')
  expect(new URL(address.url).hostname).toBe('0.0.0.0')
  expect(new URL(address.admin).hostname).toBe('127.0.0.1')
  expect((await fetch(`${address.admin}/health`)).status).toBe(200)
})

test('a config file that changes is taken over, one with a mistake is not', async () => {
  const workers = await live('mock-workers --num-workers 2 --port 0'.split(' '), 2)
  const urls = workers.lines.map((line) => (JSON.parse(line) as { url: string }).url)
  const config = (count: number, algorithm: string): string =>
    `algorithm = "${algorithm}"\n${urls
      .slice(0, count)
      .map((url) => `[[workers]]\nurl = "${url}"\n`)
      .join('')}`
  const path = directoryWith({ 'router.toml': config(1, 'round_robin') })('router.toml')
  const router = await live(['serve', '-c', path, '--port', '0', '--admin-port', '0'], 1)
  const { admin } = JSON.parse(router.lines[0]!) as Up
  const workersOf = async (): Promise<unknown[]> =>
    (await (await fetch(`${admin}/workers`)).json()) as unknown[]
  expect(await workersOf()).toHaveLength(1)
  writeFileSync(path, config(2, 'least_outstanding'))
  await until(async () => (await workersOf()).length === 2)
  writeFileSync(path, config(2, 'least_outstandin'))
  await until(() => router.stderr().includes('reload_failed'))
  expect(router.stderr()).toContain('unknown router \\"least_outstandin\\"')
  expect(await workersOf()).toHaveLength(2)
  // Other files take its place, one after another; then there is none, and then one again.
  for (const count of [1, 2, 1]) {
    writeFileSync(`${path}.new`, config(count, 'round_robin'))
    renameSync(`${path}.new`, path)
    await until(async () => (await workersOf()).length === count)
  }
  rmSync(path)
  await until(() => router.stderr().includes('no such file'))
  expect(await workersOf()).toHaveLength(1)
  // Nobody reads its log any more.
  router.child.stdout!.destroy()
  router.child.stderr!.destroy()
  for (const count of [2, 1, 2]) {
    writeFileSync(path, config(count, 'round_robin'))
    await until(async () => (await workersOf()).length === count)
  }
  expect(await router.stop()).toBe(0)
})

test('bench trace replays a trace, and makes a new one when its shape is to change', async () => {
  const { address } = await workersAndRouter()
  const folder = (name: string): string => at(`bench-${name}`)
  const target = ['--url', address.url, '--endpoint', 'completions']
  const common = ['bench', 'trace', '-t', at('trace.jsonl'), ...target]
  const plain = await routesim([...common, '-o', folder('plain'), '--head', '10'])
  expect(plain.code, plain.stderr).toBe(0)
  const summary = (name: string) =>
    JSON.parse(readFileSync(join(folder(name), 'profile_export_aiperf.json'), 'utf8'))
  expect(summary('plain').request_count.avg).toBe(10)
  expect(summary('plain').input_sequence_length.avg).toBe(1024)
  const shaped = ['--num-requests', '16', '--prompt-len-multiplier', '2', '--seed', '3']
  const made = await routesim([...common, '-o', folder('made'), ...shaped])
  expect(made.code, made.stderr).toBe(0)
  expect(summary('made').request_count.avg).toBe(16)
  const lines = readFileSync(join(folder('made'), 'synthetic_trace.jsonl'), 'utf8').trim()
  expect(lines.split('\n')).toHaveLength(16)
  const labelled = [
    'bench',
    'trace',
    '-t',
    at('labelled.jsonl'),
    ...target,
    '-o',
    folder('labelled'),
  ]
  const { stderr } = await routesim([...labelled, '--num-requests', '2'])
  expect(stderr).toContain('note: new requests do not have: priority, tenant\n')
})

test.each([
  ['load', '--requests 60 --request-rate 20 --arrival-pattern constant', 60],
  ['trace', `-t ${at('trace.jsonl')} --speedup-ratio 0.2`, 40],
])('bench %s that Ctrl-C stops says how much of it was measured', async (kind, words, requests) => {
  let bench: ChildProcess | undefined
  let asked = 0
  const server = createHttpServer((request, response) => {
    request.resume()
    if (++asked === 3) bench!.kill('SIGINT')
    response.end('data: {"choices":[{"text":"a"}]}\n\ndata: [DONE]\n\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const folder = at(`stopped-${kind}`)
  const args = ['bench', kind, ...words.split(' '), '--url', url, '-o', folder]
  const { code, stdout, stderr } = await routesim(args, {
    feed: (child) => {
      bench = child
    },
  })
  server.close()
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('time_to_first_token')
  expect(stderr).toContain(`note: stopped after ${asked} of ${requests} requests\n`)
  const summary = readFileSync(join(folder, 'profile_export_aiperf.json'), 'utf8')
  expect(JSON.parse(summary)).toMatchObject({ was_cancelled: true, request_count: { avg: asked } })
})

test('twin tells how live and simulated differ, and how far the machine was behind', async () => {
  const words = 'twin --requests 30 --request-rate 20 --isl 500 --osl 8 --format json'
  const { code, stdout, stderr } = await routesim(words.split(' '))
  expect(code, stderr).toBe(0)
  const { figures, errors, schedule_lag } = JSON.parse(stdout)
  expect(errors).toBe(0)
  expect(schedule_lag.p99).toBeGreaterThanOrEqual(0)
  const of = (name: string) => figures.find((each: { metric: string }) => each.metric === name)
  expect(of('time_to_first_token').simulated).toBeGreaterThan(0)
  expect(Math.abs(of('request_throughput').difference)).toBeLessThan(0.3)
})

test('the more prompts share, the more routing by KV caches beats round robin, live', async () => {
  const folder = (name: string): string => at(`sweep-${name}`)
  const swept = async (algorithm: string) => {
    const words = `up --port 0 --admin-port 0 --speedup-ratio 4 -a ${algorithm}`
    const up = await live(words.split(' '), 3)
    const url = / at (http:\S+)\/v1/.exec(up.lines[0]!)![1]!
    const sweep = 'bench prefix-ratio --prefix-ratios 0.1 0.5 0.9 --isl 8000 --osl 10'.split(' ')
    const out = ['--requests', '250', '-o', folder(algorithm), '--label', algorithm]
    const { code, stderr } = await routesim([...sweep, '--url', url, ...out])
    expect(code, stderr).toBe(0)
    await up.stop()
    const read = (path: string) => JSON.parse(readFileSync(join(folder(algorithm), path), 'utf8'))
    const cached = [0.1, 0.5, 0.9].map(
      (ratio, i) =>
        read(`prefix_ratio_${ratio}_seed_${i}/profile_export_aiperf.json`)
          .usage_prompt_cache_read_tokens.avg as number,
    )
    return { cached, errors: read('results_summary.json').errors as number[] }
  }
  // One after the other: what they take from each other changes where requests wait.
  const kv = await swept('dynamo_kv')
  const rr = await swept('round_robin')
  expect([kv.errors, rr.errors]).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ])
  // Times depend on the machine; what is found in the caches decides them and does not.
  const gain = kv.cached.map((tokens, i) => tokens - rr.cached[i]!)
  expect(gain[2]).toBeGreaterThan(1.3 * gain[1]!)
  expect(gain[1]).toBeGreaterThan(2 * gain[0]!)
  const files = ['dynamo_kv', 'round_robin'].map((name) =>
    join(folder(name), 'results_summary.json'),
  )
  const { code, stderr } = await routesim(['plot', ...files, '-o', at('overlay.svg')])
  expect(code, stderr).toBe(0)
  const svg = readFileSync(at('overlay.svg'), 'utf8')
  for (const words of ['Mean TTFT', 'Output tokens per second', 'dynamo_kv', 'round_robin'])
    expect(svg).toContain(words)
})
