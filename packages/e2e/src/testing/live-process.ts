import { type ChildProcess, spawn } from 'node:child_process'
import { BIN } from './command.js'

/** A command that runs until it is stopped. */
export interface LiveProcess {
  readonly child: ChildProcess
  /** Lines of standard output so far. */
  readonly lines: readonly string[]
  /** Standard error so far. */
  stderr(): string
  /** Sends a signal and waits for the end. @returns the exit code, null when the signal ended it */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

const running = new Set<ChildProcess>()

/** Ends what a test has left running. */
export async function stopAll(): Promise<void> {
  const all = [...running]
  for (const child of all) child.kill('SIGKILL')
  await Promise.all(all.map(ended))
}

/**
 * Starts the built command and waits for so many lines of standard output.
 * @throws Error with what it said when it ends before
 */
export async function live(
  args: readonly string[],
  lines: number,
  cwd: string = process.cwd(),
): Promise<LiveProcess> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  child.on('exit', () => running.delete(child))
  const said: string[] = []
  let rest = ''
  let stderr = ''
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece
  })
  await new Promise<void>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)))
    child.stdout.on('data', (piece: Buffer) => {
      rest += piece
      const whole = rest.split('\n')
      rest = whole.pop()!
      said.push(...whole)
      if (said.length >= lines) resolve()
    })
  })
  return {
    child,
    lines: said,
    stderr: () => stderr,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended(child)
    },
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)))
}
