import { type Ping, ping } from '@routesim/live'
import type { CommandBody } from '../../command-body.js'
import { UsageError } from '../../usage-error.js'
import { checkNumbers } from './check-numbers.js'

interface PingArguments {
  port: string
  url?: string
  model?: string
  maxTokens: number
}

/** `routesim ping`: one short streamed completion. */
export const pingCommand: CommandBody<PingArguments> = {
  builder: (yargs) =>
    yargs
      .positional('port', { type: 'string', default: '8000', describe: 'Port on this machine' })
      .options({
        url: { type: 'string', requiresArg: true, describe: 'Address, instead of a port' },
        model: { type: 'string', requiresArg: true, describe: 'Model; the first by default' },
        'max-tokens': { type: 'number', default: 10, requiresArg: true, describe: 'Output tokens' },
      }) as never,
  handler: async ({ port, url, model, maxTokens }) => {
    checkNumbers({ maxTokens }, { maxTokens: 'count' })
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
      throw new UsageError(`port: expected a port up to 65535, got "${port}"`)
    if (url !== undefined && !/^https?:\/\/[^/]/.test(url))
      throw new UsageError(`--url: expected an address such as http://127.0.0.1:8000, got "${url}"`)
    const target = url?.replace(/\/+$/, '') ?? `http://127.0.0.1:${port}`
    const apiKey = process.env['ROUTESIM_API_KEY']
    console.log(describe(await ping({ url: target, model, maxTokens, apiKey, timeoutMs: 30_000 })))
  },
}

/** A ping in a line. */
export function describe({ model, tokens, ttftMs, totalMs, worker, text }: Ping): string {
  const from = worker === undefined ? '' : ` from worker ${worker}`
  return `${model}: ${tokens} tokens${from}, first after ${ttftMs.toFixed(0)} ms, all after ${totalMs.toFixed(0)} ms: ${text.trim()}`
}
