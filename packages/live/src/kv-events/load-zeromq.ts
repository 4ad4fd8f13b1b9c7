import { RouteSimError } from '@routesim/core'
import { importOptional } from '@routesim/experiments'
import type { LiveErrorCode } from '../live-error-code.js'

/** The ZeroMQ bindings, which only those load who use KV events. */
export type ZeroMq = typeof import('zeromq')

/** @throws RouteSimError `zeromq_missing`, with the command that installs it */
export async function loadZeroMq(): Promise<ZeroMq> {
  try {
    return await importOptional(() => import('zeromq'), 'zeromq')
  } catch (cause) {
    throw new RouteSimError<LiveErrorCode>(
      'KV events: expected the package zeromq to be installed, it is not',
      {
        code: 'zeromq_missing',
        hint: 'Run npm install zeromq, or choose --no-kv-events.',
        cause,
      },
    )
  }
}
