import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PATHS = ['redis-server', 'valkey-server'].flatMap((name) =>
  ['/usr/bin', '/usr/local/bin'].map((folder) => join(folder, name)),
)

/** Redis or Valkey of this machine (Debian: `apt-get install redis-server`, or set `REDIS_SERVER`). */
export const REDIS: string | undefined = [process.env['REDIS_SERVER'] ?? '', ...PATHS].find(
  (path) => path !== '' && existsSync(path),
)

/** A Redis of a test alone. */
export interface TestRedis {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a Redis that keeps nothing on the disk. */
export async function startRedis(words: readonly string[] = []): Promise<TestRedis> {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'routesim-redis-'))
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir, '--save', '']
  const server = spawn(REDIS!, [...own, '--appendonly', 'no', ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await ready(server)
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.on('close', () => resolve())
        server.kill('SIGKILL')
      }),
  }
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    server.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (text.includes('Ready to accept connections')) resolve()
    })
    server.on('error', reject)
    server.on('close', () => reject(new Error(`Redis ended: ${text}`)))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
