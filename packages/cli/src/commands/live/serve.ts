import { statSync } from 'node:fs'
import { parseToml, readConfig } from '@routesim/experiments'
import { checkRouterConfig, type RouterConfig, readKeyFile, startRouter } from '@routesim/live'
import type { Options } from 'yargs'
import { checkOne } from '../../algorithm-list.js'
import type { CommandBody } from '../../command-body.js'
import { UsageError } from '../../usage-error.js'
import { adminPortOf } from './admin-port.js'
import { checkNumbers } from './check-numbers.js'
import { lastResort } from './last-resort.js'
import { printLog } from './print-log.js'
import { outliveReaders, untilStopped } from './stop-signal.js'

interface ServeArguments {
  config?: string
  worker?: readonly string[]
  prefillWorker?: readonly string[]
  decodeWorker?: readonly string[]
  kvEventsFrom?: readonly string[]
  kvReplayFrom?: readonly string[]
  dpSize?: number
  algorithm?: string
  kvEvents?: boolean
  noKvEvents?: boolean
  predictive?: boolean
  blockSize?: number
  metricsInterval?: number
  host: string
  port: number
  adminHost: string
  adminPort?: number
  apiKeyFile?: string
  record?: string
  duration: number
}

const list = (describe: string): Options => ({
  type: 'string',
  array: true,
  requiresArg: true,
  describe,
})

/** `routesim serve`: the router that was simulated, in front of real or mock workers. */
export const serveCommand: CommandBody<ServeArguments> = {
  builder: (yargs) =>
    yargs
      .options({
        config: {
          alias: 'c',
          type: 'string',
          requiresArg: true,
          describe: 'Config of the router (TOML); read again when it changes, or at SIGHUP',
        },
        worker: list('Address of a worker; may be repeated'),
        'prefill-worker': list('Address of a worker that only computes prompts'),
        'decode-worker': list('Address of a worker that only answers'),
        'kv-events-from': list('ZMQ addresses of the KV events of the workers, in their order'),
        'kv-replay-from': list('ZMQ addresses for the replay of lost events'),
        'dp-size': {
          type: 'number',
          requiresArg: true,
          describe:
            'Data-parallel ranks of each worker, with a port each for KV events (default 1)',
        },
        algorithm: {
          alias: 'a',
          type: 'string',
          requiresArg: true,
          describe: 'Algorithm, name@preset:parameter=value,... or a file (default dynamo_kv)',
        },
        'kv-events': { type: 'boolean', describe: 'Know prefix caches by KV events' },
        'no-kv-events': {
          type: 'boolean',
          describe: 'Know them by what was sent (default)',
        },
        predictive: {
          type: 'boolean',
          describe: 'Know caches and loads by what was sent alone: no events, no metrics',
        },
        'block-size': {
          type: 'number',
          requiresArg: true,
          describe: 'Tokens of a KV block of the workers (default 16)',
        },
        'metrics-interval': {
          type: 'number',
          requiresArg: true,
          describe: "Read workers' metrics every so many ms (default never)",
        },
        host: { type: 'string', default: '127.0.0.1', requiresArg: true, describe: 'Address' },
        port: { type: 'number', default: 8000, requiresArg: true, describe: 'Port; 0 for any' },
        'admin-host': {
          type: 'string',
          default: '127.0.0.1',
          requiresArg: true,
          describe: 'Address of the admin port, which asks for no key',
        },
        'admin-port': {
          type: 'number',
          requiresArg: true,
          describe:
            'Port of metrics, workers, decisions and find_best_worker; 0 for any (default the next one)',
        },
        'api-key-file': {
          type: 'string',
          requiresArg: true,
          describe: 'File with the key that clients must send; or in ROUTESIM_API_KEY',
        },
        record: {
          type: 'string',
          requiresArg: true,
          describe:
            'Record traffic to this trace, or go on with it: lengths, times, hashes, never text',
        },
        duration: {
          type: 'number',
          default: 0,
          requiresArg: true,
          describe: 'Seconds after which to stop; 0 for never',
        },
      })
      .epilogue(
        'Sessions of requests are read from the header x-session-id (or x-dynamo-session-id), tenants from x-tenant-id; user, model and priority from the body.',
      )
      .example(
        '$0 serve --worker http://127.0.0.1:8100 --worker http://127.0.0.1:8101',
        '',
      ) as never,
  handler: async (args) => {
    checkNumbers(args, { port: 'port', adminPort: 'port', duration: 'seconds' })
    const asRead = args.config === undefined ? '' : stateOf(args.config)
    const config = await routerConfigOf(args)
    outliveReaders()
    const guard = lastResort()
    const router = await startRouter({
      config,
      host: args.host,
      port: args.port,
      adminHost: args.adminHost,
      adminPort: adminPortOf(args),
      apiKey: await readKey(args.apiKeyFile),
      record: args.record,
      onLog: printLog,
    })
    console.log(JSON.stringify({ url: router.url, admin: router.adminUrl }))
    const reload = async (): Promise<void> => {
      try {
        await router.reload(await routerConfigOf(args))
      } catch (error) {
        // Whatever is wrong with it, the router goes on as it is.
        const { message, hint } = error as Error & { hint?: string }
        printLog({ event: 'reload_failed', why: message, hint })
      }
    }
    let reloading = Promise.resolve()
    const onHangup = (): void => {
      reloading = reloading.then(reload)
    }
    process.on('SIGHUP', onHangup)
    const watched =
      args.config === undefined ? undefined : watchConfig(args.config, asRead, onHangup)
    const crash = await Promise.race([untilStopped(args.duration), guard.crashed])
    watched?.close()
    process.off('SIGHUP', onHangup)
    await router.close()
    guard.close()
    if (crash !== undefined) throw crash
  },
}

const LOOK_EVERY_MS = 500
const SETTLE_MS = 200

/**
 * Editors write a file in several goes, or put another in its place, and so does who mounts it: its name is
 * looked at, as news of the file itself end with that file.
 *
 * @param asRead - {@link stateOf} it before it was read: it may have changed since
 */
function watchConfig(path: string, asRead: string, onChange: () => void): { close(): void } {
  let state = asRead
  let timer: NodeJS.Timeout | undefined
  const look = setInterval(() => {
    const now = stateOf(path)
    if (now === state) return
    state = now
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLE_MS)
  }, LOOK_EVERY_MS)
  return {
    close: () => {
      clearTimeout(timer)
      clearInterval(look)
    },
  }
}

/** Differs when another file stands under a name, or the same was written to; empty when there is none to see. */
function stateOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true })
    return `${dev} ${ino} ${size} ${mtimeNs}`
  } catch {
    return ''
  }
}

async function routerConfigOf(args: ServeArguments): Promise<RouterConfig> {
  if (args.algorithm !== undefined) checkOne(args.algorithm, '--algorithm')
  if (args.kvEvents && (args.noKvEvents || args.predictive)) {
    const other = args.noKvEvents ? '--no-kv-events' : '--predictive'
    throw new UsageError(`--kv-events: expected it without ${other}, got both`)
  }
  const file =
    args.config === undefined ? {} : parseToml(await readConfig(args.config), args.config)
  const workers = [
    ...(args.worker ?? []).map((url) => ({ url })),
    ...(args.prefillWorker ?? []).map((url) => ({ url, role: 'prefill' })),
    ...(args.decodeWorker ?? []).map((url) => ({ url, role: 'decode' })),
  ].map((worker, i) => ({
    ...worker,
    ...optional('kv_events', args.kvEventsFrom?.[i]),
    ...optional('kv_replay', args.kvReplayFrom?.[i]),
    ...optional('data_parallel_size', args.dpSize),
  }))
  if (workers.length === 0 && file['workers'] === undefined) {
    throw new UsageError('expected workers: --worker URL, or [[workers]] in a --config; got none')
  }
  for (const flag of ['kvEventsFrom', 'kvReplayFrom'] as const) {
    const { length } = args[flag] ?? workers
    if (length === workers.length) continue
    const name = flag === 'kvEventsFrom' ? '--kv-events-from' : '--kv-replay-from'
    throw new UsageError(
      `${name}: expected an address for each of ${workers.length} workers, got ${length}`,
    )
  }
  if (args.dpSize !== undefined && workers.length === 0) {
    throw new UsageError(
      '--dp-size: expected --worker URL with it, got none; in a --config it is data_parallel_size of each of [[workers]]',
    )
  }
  if (args.kvEvents && workers.length > 0 && args.kvEventsFrom === undefined)
    throw new UsageError('--kv-events: expected --kv-events-from with it, got none')
  const index = args.kvEvents ? 'events' : undefined
  const approximate = args.noKvEvents || args.predictive ? 'approximate' : undefined
  const given = {
    ...(workers.length > 0 ? { workers } : {}),
    ...optional('algorithm', args.algorithm),
    ...optional('kv_index', index ?? approximate),
    ...optional('block_tokens', args.blockSize),
    ...optional('metrics_interval_ms', args.predictive ? 0 : args.metricsInterval),
  }
  checkGiven(given)
  return checkRouterConfig({ ...file, ...given }, args.config ?? 'serve')
}

/** Options that are called otherwise in a config. */
const FLAGS: Readonly<Record<string, string>> = {
  kv_events: '--kv-events-from',
  kv_replay: '--kv-replay-from',
  data_parallel_size: '--dp-size',
  block_tokens: '--block-size',
  metrics_interval_ms: '--metrics-interval',
}

/** @throws UsageError that names the option, where the command line alone is wrong */
function checkGiven(given: { workers?: readonly { url: string; role?: string }[] }): void {
  try {
    checkRouterConfig({ workers: [{ url: 'http://localhost' }], ...given }, 'serve')
  } catch (error) {
    throw new UsageError(
      (error as Error).message.replaceAll(
        /^serve (?:workers\.(\d+)\.)?(\w+)/gm,
        (_, index: string | undefined, key: string) => {
          const role = key === 'url' ? given.workers?.[Number(index)]?.role : undefined
          return FLAGS[key] ?? (role === undefined ? '--worker' : `--${role}-worker`)
        },
      ),
    )
  }
}

async function readKey(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return process.env['ROUTESIM_API_KEY'] || undefined
  return readKeyFile(path, '--api-key-file')
}

function optional<T>(name: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [name]: value }
}
