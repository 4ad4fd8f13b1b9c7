import type { CommandModule } from 'yargs'

/** What of a command is loaded when it is called: its options, and what it does. */
export type CommandBody<Arguments = object> = Pick<
  CommandModule<object, Arguments>,
  'builder' | 'handler'
>
