import { Worker } from 'node:worker_threads'
import type { WorkerSetup } from './worker-messages.js'

/** Starts a worker thread. */
export function startWorker(workerData: WorkerSetup): Worker {
  const here = import.meta.url
  if (!here.endsWith('.ts')) return new Worker(new URL('worker.js', here), { workerData })
  // Tests run this package from its sources, the thread from what was built, without their conditions of import.
  return new Worker(new URL('../../dist/worker.js', here), { workerData, execArgv: [] })
}
