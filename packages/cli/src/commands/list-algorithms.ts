import { listAlgorithms } from '@routesim/experiments'
import type { CommandModule } from 'yargs'

interface ListArguments {
  format: 'text' | 'json'
}

/** `routesim list-algorithms`: what there is, and its parameters. */
export const listAlgorithmsCommand: CommandModule<object, ListArguments> = {
  command: 'list-algorithms',
  describe: 'List the routing algorithms and their parameters',
  builder: (yargs) =>
    yargs.option('format', {
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      requiresArg: true,
      describe: 'Print as',
    }),
  handler: ({ format }) => {
    const algorithms = listAlgorithms()
    if (format === 'json') {
      process.stdout.write(`${JSON.stringify(algorithms, undefined, 2)}\n`)
      return
    }
    for (const { name, description, observes = [], parameters, presets } of algorithms) {
      process.stdout.write(`${name}\n  ${description}\n`)
      process.stdout.write(
        `  Observes: ${observes.length === 0 ? 'nothing' : observes.join(', ')}.\n`,
      )
      for (const [key, parameter] of Object.entries(parameters)) {
        process.stdout.write(`    ${key} = ${parameter.default}  ${parameter.description}\n`)
      }
      for (const [preset, { mirrors }] of Object.entries(presets)) {
        process.stdout.write(`    @${preset}  ${mirrors}\n`)
      }
    }
  },
}
