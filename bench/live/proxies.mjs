// The processes that are compared: instant workers, this router, and nginx where it is installed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const workers = fileURLToPath(new URL('instant-workers.mjs', import.meta.url))
const nginx = process.env.NGINX_BIN ?? 'nginx'

/** Starts a process; its first line says where it listens. */
function start(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    let text = ''
    child.on('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)))
    child.stdout.on('data', (piece) => {
      text += piece
      if (!text.includes('\n')) return
      child.removeAllListeners('exit')
      resolve({ said: JSON.parse(text.split('\n')[0]), pid: child.pid, stop: stopper(child) })
    })
  })
}

function stopper(child) {
  return () =>
    new Promise((resolve) => {
      child.on('exit', resolve)
      child.kill('SIGTERM')
    })
}

/** Workers that answer at once, at addresses of their own. */
export async function startWorkers(count, gapMs) {
  const { said, stop } = await start([workers, String(count), String(gapMs)])
  return { urls: said.map((port) => `http://127.0.0.1:${port}`), stop }
}

/** `routesim serve` in front of them. */
export async function startRouter(urls, algorithm) {
  const addresses = urls.flatMap((url) => ['--worker', url])
  const ports = ['--port', '0', '--admin-port', '0']
  const { said, pid, stop } = await start([bin, 'serve', ...addresses, ...ports, '-a', algorithm])
  return { name: `routesim ${algorithm}`, url: said.url, pids: () => [pid], stop }
}

/** Version of nginx; undefined where there is none. */
export function nginxVersion() {
  const { status, stderr } = spawnSync(nginx, ['-v'], { encoding: 'utf8' })
  return status === 0 ? stderr.trim().split('/').at(-1) : undefined
}

/** nginx in front of them: round robin, one worker process, connections kept. */
export async function startNginx(urls) {
  const folder = mkdtempSync(join(tmpdir(), 'routesim-bench-'))
  const port = await freePort()
  const servers = urls.map((url) => `server ${url.slice('http://'.length)};`).join(' ')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(' ')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 16384; }
http {
  access_log off; ${paths} client_body_buffer_size 64k; keepalive_requests 1000000000;
  upstream workers { ${servers} keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://workers; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`,
  )
  const args = ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')]
  const child = spawn(nginx, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const url = `http://127.0.0.1:${port}`
  for (let tries = 0; ; tries++) {
    try {
      await (await fetch(`${url}/health`)).text()
      break
    } catch (error) {
      if (tries > 100 || child.exitCode !== null) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const stop = async () => {
    await stopper(child)()
    rmSync(folder, { recursive: true })
  }
  return { name: 'nginx', url, pids: () => [child.pid, ...childrenOf(child.pid)], stop }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

/** Figures of processes together: resident memory in MB and CPU seconds so far; NaN where /proc is not. */
export function usageOf(pids) {
  let rssMb = 0
  let cpuSec = 0
  try {
    for (const pid of pids) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      rssMb += Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
      cpuSec += (Number(fields[11]) + Number(fields[12])) / 100
    }
  } catch {
    return { rssMb: Number.NaN, cpuSec: Number.NaN }
  }
  return { rssMb, cpuSec }
}
