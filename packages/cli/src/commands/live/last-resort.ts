import { RouteSimError } from '@routesim/core'
import { faultName } from '@routesim/live'
import { printLog } from './print-log.js'

/** What keeps a server from ending with a raw stack. */
export interface LastResort {
  /** Settles with the first exception that nobody caught: what threw it may be in any state. */
  readonly crashed: Promise<RouteSimError>
  close(): void
}

/**
 * Logs what nobody catches, such as the errors of timers and promises of a router's own file. After a promise that
 * was rejected a server goes on; after an exception it is to let its requests end, and to stop.
 */
export function lastResort(): LastResort {
  let crash: (error: RouteSimError) => void
  const crashed = new Promise<RouteSimError>((resolve) => {
    crash = resolve
  })
  const onRejection = (error: unknown): void => printLog({ event: 'fault', what: faultName(error) })
  const onException = (cause: unknown): void => {
    printLog({ event: 'crashed', what: faultName(cause) })
    crash(
      new RouteSimError(`stopped by an exception that nobody caught: ${cause}`, {
        code: 'router_crashed',
        hint: 'Catch what the timers and callbacks of a router of your own may throw.',
        cause,
      }),
    )
  }
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtException', onException)
  return {
    crashed,
    close: () => {
      process.off('unhandledRejection', onRejection)
      process.off('uncaughtException', onException)
    },
  }
}
