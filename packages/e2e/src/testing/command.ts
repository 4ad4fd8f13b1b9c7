import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../../../..', import.meta.url))

/** The built command. */
export const BIN: string = join(ROOT, 'packages/cli/dist/bin.js')

/** What a process left behind. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** How a process is started. */
export interface CommandOptions {
  /** Standard input; empty by default. */
  readonly input?: string | Uint8Array
  /** Feeds standard input by hand, instead of `input`. */
  readonly feed?: (process: ChildProcess) => void
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Called with the process and all of stderr so far whenever it grows. */
  readonly onStderr?: (process: ChildProcess, stderr: string) => void
}

/** Runs the built command in a process of its own. */
export function routesim(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  return command(process.execPath, [BIN, ...args], options)
}

/** Runs any program to its end. */
export function command(
  program: string,
  args: readonly string[],
  { input = '', feed, cwd, env = {}, onStderr }: CommandOptions = {},
): Promise<Outcome> {
  const child = spawn(program, args, { cwd, env: { ...process.env, CI: '', ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    onStderr?.(child, stderr)
  })
  // A command that does not read its input closes the pipe.
  child.stdin.on('error', () => {})
  if (feed === undefined) child.stdin.end(input)
  else feed(child)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** A new directory outside the repository with some files; returns the path of a file in it. */
export function directoryWith(
  files: Readonly<Record<string, string | Uint8Array>>,
): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'routesim-e2e-'))
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), content)
  }
  return (name) => join(directory, name)
}
