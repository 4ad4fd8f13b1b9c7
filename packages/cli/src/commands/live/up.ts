import { checkRouterConfig, type Ping, ping, type RunningRouter, startRouter } from '@routesim/live'
import { checkOne } from '../../algorithm-list.js'
import type { CommandBody } from '../../command-body.js'
import { adminPortOf } from './admin-port.js'
import { checkNumbers } from './check-numbers.js'
import { lastResort } from './last-resort.js'
import { describe } from './ping.js'
import { untilStopped } from './stop-signal.js'
import { untilUp } from './until-up.js'
import {
  CLUSTER_OPTIONS,
  failsOnPurpose,
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
          describe: 'Seconds from its start after which to stop, ready or not; 0 for never',
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
    const guard = lastResort()
    let router: RunningRouter | undefined
    try {
      printLiveNotes(started.config)
      router = await startRouter({
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
      const over = Promise.race([untilStopped(args.duration), guard.crashed])
      const { length } = started.workers
      console.log(`${length} mock workers behind ${args.algorithm} at ${router.url}/v1`)
      console.log(`metrics, workers and decisions at ${router.adminUrl}`)
      const first = await Promise.race([over.then(() => undefined), firstPing(router, args)])
      if (first instanceof Error) console.error(`note: workers fail on purpose: ${first.message}`)
      else if (first !== undefined) console.log(describe(first))
      const crash = await over
      if (crash !== undefined) throw crash
    } finally {
      await router?.close(1000)
      await started.close(1000)
      guard.close()
    }
  },
}

/** What workers may take to be up beyond their startup time. */
const GRACE_SEC = 5

/**
 * Pings a router when its workers are up.
 * @returns what came of it, also what was wrong where workers fail on purpose
 * @throws RouteSimError `backend_unreachable`, `ping_refused`
 */
async function firstPing(router: RunningRouter, args: UpArguments): Promise<Ping | Error> {
  await untilUp(router, args.startupTime + GRACE_SEC)
  try {
    return await ping({ url: router.url, maxTokens: 10, timeoutMs: 60_000 })
  } catch (error) {
    if (failsOnPurpose(args)) return error as Error
    throw error
  }
}
