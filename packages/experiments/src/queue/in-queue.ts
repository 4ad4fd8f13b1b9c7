import type { SweepRun } from '../sweep/plan-sweep.js'
import type { RunsElsewhere } from '../sweep/run-sweep.js'
import type { TrafficOptions } from '../sweep/traffic.js'
import { connectQueue } from './queue-connection.js'
import { checkTravels, type QueuedSweep, RunPacker } from './queued-run.js'
import { type QueueOption, runsInQueue } from './runs-in-queue.js'

/**
 * Checks what can be checked before anything is read or written.
 * @throws RouteSimError `queue_missing`, `queue_invalid`, `queue_unreachable`
 */
export async function checkQueue(
  { url }: QueueOption,
  trace: TrafficOptions['trace'],
): Promise<void> {
  checkTravels(trace)
  const connection = await connectQueue(url, () => {})
  await connection.close()
}

/**
 * The way of a sweep's runs through a queue.
 * @throws RouteSimError `queue_invalid` for requests or routers that live in this process only
 */
export function inQueue(
  option: QueueOption,
  runs: readonly SweepRun[],
  sweep: QueuedSweep,
): RunsElsewhere {
  const packer = new RunPacker(sweep)
  return async (order, { signal }, { onDone, onFailed }) => {
    const byKey = new Map(order.map((run) => [runs[run]!.key, run]))
    const packed = order.map((run) => packer.pack(runs[run]!))
    await runsInQueue(packed, option, signal, {
      onDone(key, result) {
        const run = byKey.get(key)!
        // Another sweep that shares the run may have called its algorithm otherwise.
        onDone(run, { ...result, algorithm: runs[run]!.label })
      },
      onFailed: (key, error) => onFailed(byKey.get(key)!, error),
    })
  }
}
