/**
 * Settles at the first SIGINT or SIGTERM, or after so long; a second signal ends the process. It keeps no process
 * alive that ends for another reason.
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
    const timer = durationSec > 0 ? setTimeout(stop, durationSec * 1000).unref() : undefined
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}

/** Lets a server go on when those who read what it prints are gone. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', () => {})
  }
}

/** A signal that the first Ctrl-C sets off. */
export function interruptible(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  return controller.signal
}
