/**
 * Settles at the first SIGINT or SIGTERM, or after so long; a second signal ends the process.
 *
 * @param durationSec - 0 for no limit
 */
export function untilStopped(durationSec: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      clearTimeout(timer)
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      resolve()
    }
    const timer = durationSec > 0 ? setTimeout(stop, durationSec * 1000) : undefined
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}

/** A signal that the first Ctrl-C sets off. */
export function interruptible(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}
