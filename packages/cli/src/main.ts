import { RouteSimError } from '@routesim/core'
import yargs, { type Argv } from 'yargs'
import { COMMANDS, commandModules } from './commands.js'
import { stacksOf, userPlaceOf } from './error-trace.js'
import { checkFiles } from './output/check-files.js'
import { colorsFor } from './output/colors.js'
import { UsageError } from './usage-error.js'
import { type ParsedValues, usageFault } from './usage-fault.js'
import { checkWords, commandOf, dashed, givenText, kebab, usageMessage } from './usage-messages.js'
import { packageVersion } from './version.js'

const SUBCOMMANDS: Readonly<Partial<Record<string, readonly string[]>>> = {
  bench: ['prefix-ratio', 'trace', 'load'],
  trace: ['stats', 'fit', 'edit', 'merge', 'pull'],
}
const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const

/**
 * Runs the `routesim` command.
 *
 * @param words - the command line without `node` and the script
 * @returns the exit code: 0 ok, 1 failure (of a file, data or the run), 2 wrong usage (in what was typed), 130
 * stopped by Ctrl-C
 */
export async function main(words: readonly string[]): Promise<number> {
  const args = ['--set', '--range'].reduce(joinRepeated, withoutHelpCommand(words))
  const isDebugging = args.includes('--debug')
  const { red } = colorsFor(process.stderr)
  let values: ParsedValues = {}
  try {
    checkWords(args)
    const cli = commandLine(args, (found) => {
      values = found
    })
    await parsed(cli, args)
    return EXIT.ok
  } catch (thrown) {
    const error = (thrown instanceof RouteSimError && usageFault(thrown, values)) || thrown
    if (error instanceof UsageError) {
      console.error(`${red('error:')} ${error.message}`)
      console.error(`See routesim ${helpfulWords(args)}--help`)
      return EXIT.usage
    }
    if (error instanceof RouteSimError) {
      if (error.code === 'interrupted' || error.code === 'trace_aborted') return EXIT.interrupted
      console.error(`${red('error:')} ${isDebugging ? stacksOf(error) : error.message}`)
      if (!isDebugging) printUserPlace(error)
      if (error.hint !== undefined) console.error(error.hint)
      return EXIT.failure
    }
    console.error(`${red('unexpected error:')} ${isDebugging ? stacksOf(error) : String(error)}`)
    if (!isDebugging) printUserPlace(error)
    if (!isDebugging) console.error('Run it again with --debug to see where, and please report it.')
    return EXIT.failure
  }
}

/** The command, and what it begins with where it is several: `bench load`. */
function helpfulWords(args: readonly string[]): string {
  const command = COMMANDS.find((name) => name === commandOf(args))
  if (command === undefined) return ''
  const second = args[args.indexOf(command) + 1]
  return SUBCOMMANDS[command]?.includes(second ?? '') ? `${command} ${second} ` : `${command} `
}

function commandLine(args: readonly string[], onValues: (values: ParsedValues) => void): Argv {
  const cli: Argv = yargs([...args])
    .scriptName('routesim')
    // Messages are told apart by their words, so they must not depend on LANG.
    .locale('en')
    .usage('$0 <command>\n\nWhich LLM request router is best for your traffic, without a GPU.')
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
    })
    .command([...commandModules])
    .option('debug', { type: 'boolean', describe: 'Show stack traces', global: true })
    .demandCommand(1, 'a command is missing')
    .strict()
    .check((values) => checkNumbers(values, args), true)
    .check(() => checkBooleans(args, parserOptions(cli).boolean), true)
    .middleware((values) => checkConfigs(values, args), true)
    .middleware((values) => keepLast(values, arrayOptions(cli)), true)
    .middleware(checkFiles, true)
    // Reports tell how they were made.
    .middleware((values) => void Object.assign(values, { commandLine: args }))
    .middleware(onValues)
    .help()
    .alias('help', 'h')
    .version(packageVersion())
    .alias('version', 'V')
    .wrap(Math.min(100, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      if (error !== undefined && error !== null && error.name !== 'YError') throw error
      throw new UsageError(inOurWords(message ?? error?.message, cli, args))
    })
  renderHelpWhenAsked(cli)
  return cli
}

function inOurWords(message: string, cli: Argv, args: readonly string[]): string {
  const [line = ''] = usageInstance(cli).getUsage()[0] ?? []
  return usageMessage(message, args, longOptions(cli), line)
}

/** The parser renders the help of every command it runs, in case it fails; of ours it is never asked then. */
function renderHelpWhenAsked(cli: Argv): void {
  usageInstance(cli).cacheHelpMessage = () => {}
}

interface UsageInstance {
  cacheHelpMessage(): void
  /** The line with which the help of the command begins, and what it does. */
  getUsage(): readonly (readonly string[])[]
}

function usageInstance(cli: Argv): UsageInstance {
  interface Internals {
    getInternalMethods(): { getUsageInstance(): UsageInstance }
  }
  return (cli as unknown as Internals).getInternalMethods().getUsageInstance()
}

/** Does what the command line says. Of commands that are loaded late, not all faults reach `fail`. */
async function parsed(cli: Argv, args: readonly string[]): Promise<void> {
  try {
    await cli.parseAsync()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'YError')) throw error
    throw new UsageError(inOurWords(error.message, cli, args))
  }
}

/** `help` and `help run` are `--help` and `run --help`. */
function withoutHelpCommand(args: readonly string[]): readonly string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args
}

/** `--set a=1 --set b=2` is `--set 'a=1;b=2'`: of an option given twice, the parser takes the last. */
function joinRepeated(args: readonly string[], option: string): readonly string[] {
  const values: string[] = []
  const others: string[] = []
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (arg === option && i + 1 < args.length) values.push(args[++i]!)
    else if (arg.startsWith(`${option}=`)) values.push(arg.slice(option.length + 1))
    else others.push(arg)
  }
  return values.length < 2 ? args : [...others, option, values.join(';')]
}

/** The option parser makes NaN of what is no number. */
function checkNumbers(values: Readonly<Record<string, unknown>>, args: readonly string[]): true {
  const names = Object.keys(values).filter((name) => Number.isNaN(values[name]))
  // An option stands under all its spellings; that which was typed has a text.
  const name = names.find((spelling) => givenText(args, spelling) !== '') ?? names[0]
  if (name === undefined) return true
  const given = givenText(args, name)
  throw new UsageError(`${dashed(name)}: expected a number, got "${given}"`)
}

/** The option parser takes any word that is joined to a switch for no. */
function checkBooleans(args: readonly string[], switches: readonly string[]): true {
  for (const arg of args) {
    const [, name, given] = /^--([\w-]+)=(.*)$/.exec(arg) ?? []
    if (name === undefined || !switches.includes(name) || /^(true|false)$/.test(given!)) continue
    throw new UsageError(`--${name}: expected no value, true or false, got "${given}"`)
  }
  return true
}

/** A config stands after the command or after its option: of two, the parser would take the first. */
function checkConfigs({ config }: Record<string, unknown>, args: readonly string[]): void {
  const given = args.flatMap((arg, i) => {
    if (arg === '-c' || arg === '--config') return args[i + 1] ?? []
    return /^(?:-c|--config=)(.+)/.exec(arg)?.[1] ?? []
  })
  if (typeof config === 'string' && given.length > 0 && !given.includes(config)) {
    throw new UsageError(`unexpected argument "${config}"`)
  }
}

/** An option that is given twice has its last value; only lists have several. */
function keepLast(values: Record<string, unknown>, lists: readonly string[]): void {
  for (const [name, value] of Object.entries(values)) {
    // Values stand under both spellings, kv-events-from and kvEventsFrom.
    if (name === '_' || name === '--' || lists.includes(kebab(name)) || !Array.isArray(value))
      continue
    values[name] = value.at(-1)
  }
}

interface ParserOptions {
  readonly key: Readonly<Record<string, unknown>>
  readonly array: readonly string[]
  readonly boolean: readonly string[]
}

function parserOptions(cli: Argv): ParserOptions {
  return (cli as unknown as { getOptions(): ParserOptions }).getOptions()
}

function arrayOptions(cli: Argv): readonly string[] {
  return parserOptions(cli).array
}

function longOptions(cli: Argv): string[] {
  return Object.keys(parserOptions(cli).key).filter((name) => name.length > 1)
}

/** Says where in a user's own code an error came about, if there. */
function printUserPlace(error: unknown): void {
  const place = userPlaceOf(error)
  if (place !== undefined) console.error(`    at ${place}`)
}
