import { createRequire } from 'node:module'
import { closestName, RouteSimError } from '@routesim/core'
import colors from 'picocolors'
import yargs, { type Argv } from 'yargs'
import { compareCommand } from './commands/compare.js'
import { convertCommand } from './commands/convert.js'
import { demoCommand } from './commands/demo.js'
import { genTraceCommand } from './commands/gen-trace.js'
import { listAlgorithmsCommand } from './commands/list-algorithms.js'
import { runCommand } from './commands/run.js'
import { sweepCommand } from './commands/sweep.js'
import { UsageError } from './usage-error.js'

const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

/**
 * Runs the `routesim` command.
 *
 * @param args - the command line without `node` and the script
 * @returns the exit code: 0 ok, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C
 */
export async function main(args: readonly string[]): Promise<number> {
  const isDebugging = args.includes('--debug')
  try {
    await commandLine(args).parseAsync()
    return EXIT.ok
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${colors.red('error:')} ${error.message}`)
      console.error(`See routesim ${commandOf(args)}--help`)
      return EXIT.usage
    }
    if (error instanceof RouteSimError) {
      if (error.code === 'interrupted') return EXIT.interrupted
      console.error(`${colors.red('error:')} ${isDebugging ? error.stack : error.message}`)
      if (error.hint !== undefined) console.error(error.hint)
      return EXIT.failure
    }
    console.error(
      `${colors.red('unexpected error:')} ${isDebugging ? inspect(error) : String(error)}`,
    )
    if (!isDebugging) console.error('Run it again with --debug to see where, and please report it.')
    return EXIT.failure
  }
}

const COMMANDS = [
  'run',
  'compare',
  'sweep',
  'gen-trace',
  'convert',
  'list-algorithms',
  'demo',
] as const

function commandLine(args: readonly string[]): Argv {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string }
  const cli: Argv = yargs([...args])
    .scriptName('routesim')
    .usage('$0 <command>\n\nWhich LLM request router is best for your traffic, without a GPU.')
    .parserConfiguration({ 'duplicate-arguments-array': false, 'boolean-negation': false })
    .command(demoCommand)
    .command(runCommand)
    .command(compareCommand)
    .command(sweepCommand)
    .command(genTraceCommand)
    .command(convertCommand)
    .command(listAlgorithmsCommand)
    .option('debug', { type: 'boolean', describe: 'Show stack traces', global: true })
    .demandCommand(1, 'a command is missing')
    .strict()
    .help()
    .alias('help', 'h')
    .version(version)
    .alias('version', 'V')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(withSuggestion(message, cli))
    })
  return cli
}

/** Says what was probably meant by an unknown command or option. */
function withSuggestion(message: string, cli: Argv): string {
  const unknown = /^Unknown (argument|command)s?: (.+)$/.exec(message)
  if (unknown === null) return message
  const options = (
    cli as unknown as { getOptions(): { key: Record<string, unknown> } }
  ).getOptions()
  const flags = Object.keys(options.key).filter((flag) => flag.includes('-') || flag.length > 1)
  return unknown[2]!
    .split(', ')
    .map((word) => {
      const isCommand = COMMANDS.some((command) => closestName(word, [command]) !== undefined)
      const near = closestName(word, isCommand ? COMMANDS : flags)
      const shown = isCommand || near === undefined ? word : `--${near}`
      const what = isCommand ? `unknown command "${word}"` : `unknown option or argument "${word}"`
      return near === undefined ? what : `${what}; did you mean ${isCommand ? `"${near}"` : shown}?`
    })
    .join('\n')
}

function commandOf(args: readonly string[]): string {
  const command = COMMANDS.find((name) => name === args[0])
  return command === undefined ? '' : `${command} `
}

function inspect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
