import { type Ping, ping } from '@routesim/live'
import type { CommandBody } from '../../command-body.js'

interface PingArguments {
  port: number
  url?: string
  model?: string
  maxTokens: number
}

/** `routesim ping`: one short streamed completion. */
export const pingCommand: CommandBody<PingArguments> = {
  builder: (yargs) =>
    yargs
      .positional('port', { type: 'number', default: 8000, describe: 'Port on this machine' })
      .options({
        url: { type: 'string', requiresArg: true, describe: 'Address, instead of a port' },
        model: { type: 'string', requiresArg: true, describe: 'Model; the first by default' },
        'max-tokens': { type: 'number', default: 10, requiresArg: true, describe: 'Output tokens' },
      }) as never,
  handler: async ({ port, url, model, maxTokens }) => {
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
