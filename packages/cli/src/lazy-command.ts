import type { CommandModule } from 'yargs'

/** What of a command is loaded when it is called. */
export type CommandBody = Pick<CommandModule, 'builder' | 'handler'>

/**
 * A command whose module is loaded when it is called: others start sooner without it.
 * @param load - gives its options and what it does
 */
export function lazyCommand(
  command: string,
  describe: string,
  load: () => Promise<CommandBody>,
): CommandModule {
  return {
    command,
    describe,
    builder: async (yargs) => {
      const { builder } = await load()
      return typeof builder === 'function' ? builder(yargs) : yargs.options(builder ?? {})
    },
    handler: async (args) => {
      const { handler } = await load()
      await handler(args)
    },
  }
}
