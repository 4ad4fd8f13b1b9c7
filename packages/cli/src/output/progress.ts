import { createRequire } from 'node:module'
import type { Progress } from '@routesim/experiments'
import type { SingleBar } from 'cli-progress'

/** Work that is done sooner than this needs no progress bar. */
const QUIET_MS = 2000
/** Columns from which on there is room for a long bar. */
const WIDE = 80

/** A progress bar on stderr for work that takes longer than two seconds. */
export class ProgressBar {
  private readonly startedMs = performance.now()
  private bar: SingleBar | undefined

  readonly update = ({ label, finishedRuns, totalRuns, fraction }: Progress): void => {
    if (this.bar === undefined) {
      if (performance.now() - this.startedMs < QUIET_MS) return
      // Loaded when a bar is shown, at once: a simulation does not wait for an import.
      const { Presets, SingleBar } = createRequire(import.meta.url)(
        'cli-progress',
      ) as typeof import('cli-progress')
      this.bar = new SingleBar(
        {
          format: '{bar} {percentage}% | {runs} runs | {label} | ETA {eta_formatted}',
          stream: process.stderr,
          noTTYOutput: true,
          notTTYSchedule: 5000,
          clearOnComplete: true,
          hideCursor: null,
          etaBuffer: 50,
          barsize: (process.stderr.columns ?? WIDE) < WIDE ? 10 : 40,
        },
        Presets.shades_classic,
      )
      this.bar.start(totalRuns, 0, { label, runs: `0/${totalRuns}` })
    }
    const runs = `${finishedRuns}/${totalRuns}`
    this.bar.update(finishedRuns + fraction, { label, runs })
  }

  stop(): void {
    this.bar?.stop()
  }
}
