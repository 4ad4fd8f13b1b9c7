import { existsSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BIN, command, directoryWith, routesim } from '../testing/command.js'

const lines = Array.from({ length: 4000 }, (_, i) =>
  JSON.stringify({ ts: i / 64, prompt_tokens: 50 + ((i * 7) % 99), gen_tokens: i % 13 }),
)
const at = directoryWith({
  'c.toml': '[cluster]\nnum_backends = 2',
  'shared.jsonl': lines.join('\n'),
  'full.jsonl': lines.join('\n'),
})

const run = (trace: string, ...more: string[]) =>
  routesim(['run', '-c', at('c.toml'), '-t', at(trace), '--format', 'json', ...more])

test('runs that share a cache, and write it at the same time, give what a run without gives', async () => {
  const plain = await run('shared.jsonl')
  const first = await Promise.all([1, 2, 3].map(() => run('shared.jsonl', '--cache')))
  const second = await run('shared.jsonl', '--cache')
  for (const each of [...first, second]) expect(each).toEqual(plain)
  expect(existsSync(at('shared.jsonl.routesim-cache'))).toBe(true)
})

test.skipIf(process.platform !== 'linux')(
  'a cache for which the disk has no room is told, and not left behind in part (needs Linux)',
  async () => {
    const trace = at('full.jsonl')
    const args = ['run', '-c', at('c.toml'), '-t', trace, '--cache', '--format', 'json']
    // No file may be larger than 16 KiB; the cache is some 60.
    const limited = 'trap "" XFSZ; ulimit -f 16; exec "$@"'
    const shell = ['-c', limited, 'sh', process.execPath, BIN, ...args]
    const { code, stdout, stderr } = await command('bash', shell)
    expect(code).toBe(0)
    expect(stdout).toBe((await run('full.jsonl')).stdout)
    expect(stderr).toContain(`note: ${trace}.routesim-cache: not written: `)
    expect(existsSync(`${trace}.routesim-cache`)).toBe(false)
    await run('full.jsonl', '--cache')
    expect(statSync(`${trace}.routesim-cache`).size).toBeGreaterThan(32 * 1024)
  },
)
