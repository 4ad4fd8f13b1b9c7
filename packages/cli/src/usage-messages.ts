import { closestName } from '@routesim/core'
import { COMMANDS } from './commands.js'
import { UsageError } from './usage-error.js'

/** The command that a command line begins with, known or not. */
export function commandOf(args: readonly string[]): string | undefined {
  const word = args.find((arg) => arg !== '--debug')
  return word?.startsWith('-') ? undefined : word
}

/** @throws UsageError when the command does not exist, a value is empty, or words come after a bare -- */
export function checkWords(args: readonly string[]): void {
  const command = commandOf(args)
  if (command !== undefined && !COMMANDS.some((name) => name === command)) {
    const near = closestName(command, COMMANDS)
    const mend =
      near === undefined ? `expected one of ${COMMANDS.join(', ')}` : `did you mean "${near}"?`
    throw new UsageError(`unknown command "${command}"; ${mend}`)
  }
  const stray = args.includes('--') ? args[args.indexOf('--') + 1] : undefined
  if (stray !== undefined) throw new UsageError(`unexpected argument "${stray}" after --`)
  args.forEach((arg, i) => {
    // The option parser trips over some of these, such as --_ and --$0.
    if (/^--(?![a-z][\w.-]*(=|$))./i.test(arg)) throw new UsageError(`unknown option ${arg}`)
    const option = arg === '' ? args[i - 1] : /^(--[\w-]+)=$/.exec(arg)?.[1]
    if (option !== undefined) throw new UsageError(`${option}: expected a value, got an empty one`)
  })
}

/**
 * What the option parser complains about, in our words.
 *
 * @param flags - the long options of the command
 * @param usage - the line with which its help begins
 */
export function usageMessage(
  message: string,
  args: readonly string[],
  flags: readonly string[],
  usage: string,
): string {
  const unknown = /^Unknown (?:argument|command)s?: (.+)$/.exec(message)?.[1]
  if (unknown !== undefined) {
    return withoutTwins(unknown.split(', '))
      .map((word) => describeUnknown(word, args, flags))
      .join('\n')
  }
  const missing = missingWords(message, usage)
  if (missing !== undefined) {
    // What is missing may be there, misspelt.
    const misspelt = unknownOptions(args, flags).map((word) => describeUnknown(word, args, flags))
    return (misspelt.length > 0 ? misspelt : missing.map((word) => `${word} is required`)).join(
      '\n',
    )
  }
  const bare = /^Not enough arguments following: (.+)$/.exec(message)?.[1]
  if (bare !== undefined) return `${dashed(bare)}: expected a value, got none`
  const implied = [...message.matchAll(/^ *([\w-]+) -> ([\w-]+)$/gm)]
  if (implied.length > 0) {
    return implied.map(([, name, other]) => `--${name}: only with --${other}`).join('\n')
  }
  const choices = [...message.matchAll(/Argument: (.+), Given: (.+), Choices: (.+)/g)]
  if (choices.length > 0) {
    return choices.map(([, name, given, all]) => describeChoice(name!, given!, all!)).join('\n')
  }
  return message
}

/** What the option parser misses; undefined when it complains about something else. */
function missingWords(message: string, usage: string): readonly string[] | undefined {
  const options = /^Missing required arguments?: (.+)$/.exec(message)?.[1]
  if (options !== undefined) return options.split(', ').map((name) => `--${name}`)
  const given = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1]
  return given === undefined ? undefined : (usage.match(/<[^>]+>/g) ?? []).slice(Number(given))
}

/** The long options of a command line that a command does not have. */
function unknownOptions(args: readonly string[], flags: readonly string[]): readonly string[] {
  const words = args.flatMap((arg) => /^--([\w.-]+)/.exec(arg)?.[1] ?? [])
  return words.filter((word) => !flags.includes(kebab(word)))
}

/** The text given for an option, for when its value was not understood. */
export function givenText(args: readonly string[], name: string): string {
  const flag = dashed(name)
  const joined = args.findLast((arg) => arg.startsWith(`${flag}=`))
  const next = args[args.lastIndexOf(flag) + 1]
  return joined?.slice(flag.length + 1) ?? (args.includes(flag) ? (next ?? '') : '')
}

/** The option parser names an option with dashes a second time, in camel case. */
function withoutTwins(given: readonly string[]): readonly string[] {
  const words = [...new Set(given)]
  const camel = (word: string): string =>
    word.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return words.filter((word) => !words.some((other) => other !== word && camel(other) === word))
}

function describeUnknown(word: string, args: readonly string[], flags: readonly string[]): string {
  const isOption = args.some(
    (arg) =>
      arg === `--${word}` ||
      arg.startsWith(`--${word}=`) ||
      (word.length === 1 && arg.startsWith('-') && !arg.startsWith('--') && arg.includes(word)),
  )
  if (!isOption) return `unexpected argument "${word}"`
  const unknown = `unknown option ${dashed(word)}`
  const meant = word.length === 1 ? [] : optionsLike(word, flags)
  if (meant.length === 0) return unknown
  return `${unknown}; did you mean ${meant.map((flag) => `--${flag}`).join(' or ')}?`
}

const MOST_MEANT = 3

/** The option that is written nearly so, or the few that begin so. */
function optionsLike(word: string, flags: readonly string[]): readonly string[] {
  const near = closestName(word, flags)
  if (near !== undefined) return [near]
  const longer = flags.filter((flag) => flag.startsWith(word))
  // An option and its alias in the plural are the same.
  const meant = longer.filter(
    (flag) => !longer.some((other) => other !== flag && flag.startsWith(other)),
  )
  return meant.length > MOST_MEANT ? [] : meant
}

function describeChoice(name: string, given: string, all: string): string {
  const words = [...all.matchAll(/"([^"]*)"/g)].map(([, word]) => word!)
  const near = closestName(given.replaceAll('"', ''), words)
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return `--${name}: expected one of ${words.join(', ')}, got ${given}${hint}`
}

/** An option as it is typed. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`
}

/** `subjectTo` is `subject-to` on the command line. */
export function kebab(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
