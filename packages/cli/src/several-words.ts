import type { Argv } from 'yargs'

/** Lets a command take several words in one place: the parser otherwise keeps the last of them. */
export function severalWords<T>(yargs: Argv<T>): Argv<T> {
  return yargs.parserConfiguration({
    'duplicate-arguments-array': true,
    'boolean-negation': false,
    'dot-notation': false,
  })
}
