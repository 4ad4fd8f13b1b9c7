import type { PositionalOptions } from 'yargs'

/** The trace that a command reads, as its first word. */
export const TRACE_FILE: PositionalOptions = {
  type: 'string',
  // The option parser makes a word that is nothing but a dash an empty one.
  coerce: (given: string) => (given === '' ? '-' : given),
  describe: 'Trace file, name of a pulled trace, or - for standard input',
}
