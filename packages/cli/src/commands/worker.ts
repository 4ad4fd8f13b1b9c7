import { runSweepWorker, type WorkerRun } from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { UsageError } from '../usage-error.js'
import { checkNumbers } from './experiment-options.js'
import { QUEUE, withPassword } from './queue-arguments.js'

interface WorkerArguments {
  queue: string
  jobs: number
  idle: number | undefined
  grace: number
  deadAfter: number | undefined
  quiet: boolean | undefined
}

/** `routesim worker`: does runs of sweeps that are shared with `sweep --queue`. */
export const workerCommand: CommandBody<WorkerArguments> = {
  builder: (yargs) =>
    yargs
      .options({
        queue: {
          ...QUEUE,
          demandOption: true,
          describe: 'Address of the Redis or Valkey: redis://host:6379',
        },
        jobs: {
          alias: 'j',
          type: 'number',
          default: 1,
          requiresArg: true,
          describe: 'Runs at once, on a thread each',
        },
        idle: {
          type: 'number',
          requiresArg: true,
          describe: 'Leave after so many seconds without a run; never by default',
        },
        grace: {
          type: 'number',
          default: 20,
          requiresArg: true,
          describe: 'Seconds to finish the runs under way at SIGTERM or Ctrl-C; then they go back',
        },
        'dead-after': {
          type: 'number',
          requiresArg: true,
          describe: 'Seconds of silence after which others take its runs (default 15)',
        },
        quiet: { type: 'boolean', describe: 'Do not tell of every run' },
      })
      .example('$0 worker --queue redis://localhost:6379 --jobs 8', '') as never,
  handler: async (args) => {
    checkNumbers({ seed: undefined, seeds: 1, jobs: args.jobs })
    checkSeconds('--idle', args.idle)
    checkSeconds('--grace', args.grace)
    const { deadAfter } = args
    if (deadAfter !== undefined && !(deadAfter >= 1 && deadAfter <= 3600)) {
      throw new UsageError(`--dead-after: expected 1 to 3600 seconds, got ${deadAfter}`)
    }
    const { leave, giveUp, end } = departure(args.grace)
    try {
      const counts = await runSweepWorker({
        url: withPassword(args.queue),
        jobs: args.jobs,
        idleSec: args.idle,
        deadAfterSec: deadAfter,
        leave,
        giveUp,
        onNote: (note) => console.error(`note: ${note}`),
        onRun: (run) => args.quiet !== true && tell(run),
      })
      const { done, failed, refused, given_back: back } = counts
      console.error(
        `Left: ${done} runs done, ${failed} failed, ${refused} refused, ${back} given back`,
      )
      // BullMQ goes on to look for a Redis that is gone.
      setTimeout(() => process.exit(), 1000).unref()
    } finally {
      end()
    }
  },
}

function tell({ label, outcome, message }: WorkerRun): void {
  const how = outcome.replace('_', ' ')
  console.error(message === undefined ? `${how}: ${label}` : `${how}: ${label}: ${message}`)
}

function checkSeconds(name: string, seconds: number | undefined): void {
  if (seconds === undefined || (seconds >= 0 && seconds <= 1e6)) return
  throw new UsageError(`${name}: expected seconds from 0 to 1e6, got ${seconds}`)
}

/**
 * The first SIGTERM or Ctrl-C lets runs finish; the second, or the end of the grace, gives them back; the
 * third ends the process.
 */
function departure(graceSec: number): {
  readonly leave: AbortSignal
  readonly giveUp: AbortSignal
  end(): void
} {
  const leave = new AbortController()
  const giveUp = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const end = (): void => {
    clearTimeout(timer)
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  const stop = (): void => {
    if (leave.signal.aborted) {
      end()
      giveUp.abort()
      return
    }
    console.error('Leaving; the runs under way are finished first. Again to give them back.')
    leave.abort()
    timer = setTimeout(() => giveUp.abort(), graceSec * 1000)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return { leave: leave.signal, giveUp: giveUp.signal, end }
}
