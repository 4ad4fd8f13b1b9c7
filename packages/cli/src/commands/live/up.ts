import { checkRouterConfig, ping, startRouter } from '@routesim/live'
import { checkOne } from '../../algorithm-list.js'
import type { CommandBody } from '../../command-body.js'
import { adminPortOf } from './admin-port.js'
import { checkNumbers } from './check-numbers.js'
import { lastResort } from './last-resort.js'
import { describe } from './ping.js'
import { untilStopped } from './stop-signal.js'
import {
  CLUSTER_OPTIONS,
  printLiveNotes,
  routerWorkers,
  startWorkers,
  WORKER_OPTIONS,
  type WorkerArguments,
} from './worker-options.js'

interface UpArguments extends WorkerArguments {
  algorithm: string
  port: number
  adminPort?: number
  duration: number
  kvEvents?: boolean
}

/** `routesim up`: mock workers, a router in front of them, and a ping. */
export const upCommand: CommandBody<UpArguments> = {
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .options(WORKER_OPTIONS)
      .options({
        algorithm: {
          alias: 'a',
          type: 'string',
          default: 'dynamo_kv',
          requiresArg: true,
          describe: 'Algorithm, name@preset:parameter=value,... or a file',
        },
        port: { type: 'number', default: 8000, requiresArg: true, describe: 'Port of the router' },
        'admin-port': {
          type: 'number',
          requiresArg: true,
          describe: 'Port of its metrics and decisions (default the next one)',
        },
        duration: {
          type: 'number',
          default: 0,
          requiresArg: true,
          describe: 'Seconds after which to stop; 0 for never',
        },
        'kv-events': {
          type: 'boolean',
          describe: 'Know prefix caches by KV events (needs the package zeromq)',
        },
      })
      .example('$0 up --num-workers 8 --speedup-ratio 10', '') as never,
  handler: async (args) => {
    checkNumbers(args, { port: 'port', adminPort: 'port', duration: 'seconds' })
    checkOne(args.algorithm, '--algorithm')
    const host = '127.0.0.1'
    const events =
      args.kvEvents === true && args.kvEventsPort === undefined ? { kvEventsPort: 0 } : {}
    const started = await startWorkers({ ...args, ...events }, host, 0)
    printLiveNotes(started.config)
    const guard = lastResort()
    try {
      const router = await startRouter({
        host,
        algorithms: started.config.algorithms,
        port: args.port,
        adminPort: adminPortOf(args),
        config: checkRouterConfig({
          workers: routerWorkers(started),
          algorithm: args.algorithm,
          block_tokens: started.blockTokens,
          kv_index: args.kvEvents === true ? 'events' : 'approximate',
        }),
      })
      const { length } = started.workers
      console.log(`${length} mock workers behind ${args.algorithm} at ${router.url}/v1`)
      console.log(`metrics, workers and decisions at ${router.adminUrl}`)
      console.log(describe(await ping({ url: router.url, maxTokens: 10, timeoutMs: 60_000 })))
      const crash = await Promise.race([untilStopped(args.duration), guard.crashed])
      await router.close(1000)
      if (crash !== undefined) throw crash
    } finally {
      guard.close()
      await started.close(1000)
    }
  },
}
