import { RouteSimError } from '@routesim/core'
import yargs, { type Argv } from 'yargs'
import { calibrateCommand } from './commands/calibrate.js'
import { compareCommand } from './commands/compare.js'
import { convertCommand } from './commands/convert.js'
import { demoCommand } from './commands/demo.js'
import { genTraceCommand } from './commands/gen-trace.js'
import { listAlgorithmsCommand } from './commands/list-algorithms.js'
import { listGpusCommand, listModelsCommand } from './commands/list-hardware.js'
import { benchCommand } from './commands/live/bench.js'
import { mockWorkersCommand } from './commands/live/mock-workers.js'
import { pingCommand } from './commands/live/ping.js'
import { serveCommand } from './commands/live/serve.js'
import { twinCommand } from './commands/live/twin.js'
import { upCommand } from './commands/live/up.js'
import { plotCommand } from './commands/plot.js'
import { resultsCommand } from './commands/results.js'
import { runCommand } from './commands/run.js'
import { sweepCommand } from './commands/sweep.js'
import { synthesizeCommand } from './commands/synthesize.js'
import { traceCommand } from './commands/trace/trace.js'
import { validateCommand } from './commands/validate.js'
import { colorsFor } from './output/colors.js'
import { UsageError } from './usage-error.js'
import { COMMANDS, checkWords, commandOf, givenText, usageMessage } from './usage-messages.js'
import { packageVersion } from './version.js'

const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

/**
 * Runs the `routesim` command.
 *
 * @param words - the command line without `node` and the script
 * @returns the exit code: 0 ok, 1 failure, 2 wrong usage, 130 stopped by Ctrl-C
 */
export async function main(words: readonly string[]): Promise<number> {
  const args = joinRepeated(withoutHelpCommand(words))
  const isDebugging = args.includes('--debug')
  const { red } = colorsFor(process.stderr)
  try {
    checkWords(args)
    await commandLine(args).parseAsync()
    return EXIT.ok
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${red('error:')} ${error.message}`)
      const command = COMMANDS.find((name) => name === commandOf(args))
      console.error(`See routesim ${command === undefined ? '' : `${command} `}--help`)
      return EXIT.usage
    }
    if (error instanceof RouteSimError) {
      if (error.code === 'interrupted' || error.code === 'trace_aborted') return EXIT.interrupted
      console.error(`${red('error:')} ${isDebugging ? error.stack : error.message}`)
      if (error.hint !== undefined) console.error(error.hint)
      return EXIT.failure
    }
    console.error(`${red('unexpected error:')} ${isDebugging ? inspect(error) : String(error)}`)
    if (!isDebugging) console.error('Run it again with --debug to see where, and please report it.')
    return EXIT.failure
  }
}

function commandLine(args: readonly string[]): Argv {
  const cli: Argv = yargs([...args])
    .scriptName('routesim')
    // Messages are told apart by their words, so they must not depend on LANG.
    .locale('en')
    .usage('$0 <command>\n\nWhich LLM request router is best for your traffic, without a GPU.')
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
    })
    .command(demoCommand)
    .command(runCommand)
    .command(compareCommand)
    .command(sweepCommand)
    .command(resultsCommand)
    .command(genTraceCommand)
    .command(convertCommand)
    .command(synthesizeCommand)
    .command(traceCommand)
    .command(plotCommand)
    .command(validateCommand)
    .command(upCommand)
    .command(mockWorkersCommand)
    .command(serveCommand)
    .command(benchCommand)
    .command(twinCommand)
    .command(pingCommand)
    .command(calibrateCommand)
    .command(listAlgorithmsCommand)
    .command(listModelsCommand)
    .command(listGpusCommand)
    .option('debug', { type: 'boolean', describe: 'Show stack traces', global: true })
    .demandCommand(1, 'a command is missing')
    .strict()
    .check((values) => checkValues(values, args, listOptions(cli)), true)
    .middleware((values) => keepLast(values, arrayOptions(cli)), true)
    // Reports tell how they were made.
    .middleware((values) => void Object.assign(values, { commandLine: args }))
    .help()
    .alias('help', 'h')
    .version(packageVersion())
    .alias('version', 'V')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      if (error !== undefined && error !== null && error.name !== 'YError') throw error
      throw new UsageError(usageMessage(message ?? error?.message, args, longOptions(cli)))
    })
  return cli
}

/** `help` and `help run` are `--help` and `run --help`. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args
}

/** `--set a=1 --set b=2` is `--set 'a=1;b=2'`: of an option given twice, the parser takes the last. */
function joinRepeated(args: readonly string[]): readonly string[] {
  const sets: string[] = []
  const others: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === '--set' && i + 1 < args.length) sets.push(args[++i]!)
    else if (arg.startsWith('--set=')) sets.push(arg.slice('--set='.length))
    else others.push(arg)
  }
  return sets.length < 2 ? args : [...others, '--set', sets.join(';')]
}

/** The option parser makes NaN of what is no number. */
function checkValues(
  values: Readonly<Record<string, unknown>>,
  args: readonly string[],
  lists: readonly string[],
): true {
  for (const [name, value] of Object.entries(values)) {
    if (Array.isArray(value) && args.includes(`--${name}`) && !lists.includes(name)) {
      throw new UsageError(`--${name}: expected one value, got ${value.length}`)
    }
    if (!Number.isNaN(value) || /[A-Z]/.test(name)) continue
    throw new UsageError(`--${name}: expected a number, got "${givenText(args, name)}"`)
  }
  return true
}

/** An option that is given twice has its last value; only lists have several. */
function keepLast(values: Record<string, unknown>, lists: readonly string[]): void {
  for (const [name, value] of Object.entries(values)) {
    // Values stand under both spellings, kv-events-from and kvEventsFrom.
    const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    if (name === '_' || name === '--' || lists.includes(option) || !Array.isArray(value)) continue
    values[name] = value.at(-1)
  }
}

interface ParserOptions {
  readonly key: Readonly<Record<string, unknown>>
  readonly array: readonly string[]
  /** By name of what needs a value; words without a name do not. */
  readonly narg: Readonly<Record<string, number>>
}

function parserOptions(cli: Argv): ParserOptions {
  return (cli as unknown as { getOptions(): ParserOptions }).getOptions()
}

function arrayOptions(cli: Argv): readonly string[] {
  return parserOptions(cli).array
}

/** Options that may be given several times. */
function listOptions(cli: Argv): readonly string[] {
  const { array, narg } = parserOptions(cli)
  return array.filter((name) => name in narg)
}

function longOptions(cli: Argv): string[] {
  return Object.keys(parserOptions(cli).key).filter((name) => name.length > 1)
}

function inspect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
