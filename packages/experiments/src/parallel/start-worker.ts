import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { WorkerSetup } from './worker-messages.js'

/** Packages that a worker started from sources finds beside this one. */
const OURS = ['core', 'hardware', 'algorithms', 'traces', 'metrics']

/** Starts a worker thread; in a checkout that runs from its sources, from the sources. */
export function startWorker(workerData: WorkerSetup): Worker {
  const here = import.meta.url
  if (!here.endsWith('.ts')) return new Worker(new URL('worker.js', here), { workerData })
  const alias = Object.fromEntries(
    OURS.map((name) => [
      `@routesim/${name}`,
      fileURLToPath(new URL(`../../../${name}/src/index.ts`, here)),
    ]),
  )
  const path = JSON.stringify(fileURLToPath(new URL('worker.ts', here)))
  const jiti = JSON.stringify(createRequire(here).resolve('jiti'))
  const script = `require(${jiti}).createJiti(${path}, { alias: ${JSON.stringify(alias)} }).import(${path})`
  return new Worker(script, { workerData, eval: true })
}
