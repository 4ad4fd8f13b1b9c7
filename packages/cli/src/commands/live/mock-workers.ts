import type { CommandBody } from '../../command-body.js'
import { checkNumbers } from './check-numbers.js'
import { outliveReaders, untilStopped } from './stop-signal.js'
import {
  CLUSTER_OPTIONS,
  startWorkers,
  WORKER_OPTIONS,
  type WorkerArguments,
} from './worker-options.js'

interface MockWorkersArguments extends WorkerArguments {
  host: string
  port: number
  duration: number
}

/** `routesim mock-workers`: vLLM-like servers with the simulator's timing. */
export const mockWorkersCommand: CommandBody<MockWorkersArguments> = {
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .options(WORKER_OPTIONS)
      .options({
        host: { type: 'string', default: '127.0.0.1', requiresArg: true, describe: 'Address' },
        port: {
          type: 'number',
          default: 8100,
          requiresArg: true,
          describe: 'Port of the first worker, the others follow; 0 for any',
        },
        duration: {
          type: 'number',
          default: 0,
          requiresArg: true,
          describe: 'Seconds after which to stop; 0 for never',
        },
      })
      .example('$0 mock-workers --num-workers 4 --kv-events-port 5557', '') as never,
  handler: async (args) => {
    checkNumbers(args, { port: 'port', duration: 'seconds' })
    outliveReaders()
    const started = await startWorkers(args, args.host, args.port)
    for (const worker of started.workers) console.log(JSON.stringify(worker))
    console.error(`${started.workers.length} mock workers are up; Ctrl-C stops them`)
    await untilStopped(args.duration)
    await started.close(1000)
  },
}
