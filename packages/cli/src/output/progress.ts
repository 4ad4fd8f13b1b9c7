import { createRequire } from 'node:module'
import type { Progress } from '@routesim/experiments'
import type { SingleBar } from 'cli-progress'
import { durationText } from './duration.js'

/** Work that is done sooner than this needs no progress bar. */
const QUIET_MS = 2000
/** Columns from which on there is room for a long bar. */
const WIDE = 80

/** How long it takes yet, if it goes on like this; nothing before anything is done. */
export function etaText(elapsedMs: number, share: number): string {
  if (!(share > 0)) return ''
  const leftMs = Math.max(0, elapsedMs / share - elapsedMs)
  return ` | ETA ${leftMs < 120_000 ? `${Math.ceil(leftMs / 1000)} s` : durationText(leftMs)}`
}

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
          format: '{bar} {percentage}% | {runs} runs | {label}{left}',
          stream: process.stderr,
          noTTYOutput: true,
          notTTYSchedule: 5000,
          clearOnComplete: true,
          hideCursor: null,
          barsize: (process.stderr.columns ?? WIDE) < WIDE ? 10 : 40,
        },
        Presets.shades_classic,
      )
      this.bar.start(totalRuns, 0, { label, runs: `0/${totalRuns}`, left: '' })
    }
    const done = finishedRuns + fraction
    const left = etaText(performance.now() - this.startedMs, done / totalRuns)
    this.bar.update(done, { label, runs: `${finishedRuns}/${totalRuns}`, left })
  }

  stop(): void {
    this.bar?.stop()
  }
}
