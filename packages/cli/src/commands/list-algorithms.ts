import {
  type AlgorithmInfo,
  listAlgorithms,
  listCombinators,
  listLocalPolicies,
} from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'

interface ListArguments {
  format: 'text' | 'json'
}

/** `routesim list-algorithms`: routers, combinators and orders of queues, and their parameters. */
export const listAlgorithmsCommand: CommandBody<ListArguments> = {
  builder: (yargs) =>
    yargs.option('format', {
      choices: ['text', 'json'] as const,
      default: 'text' as const,
      requiresArg: true,
      describe: 'Print as',
    }),
  handler: ({ format }) => {
    const algorithms = listAlgorithms()
    const combinators = listCombinators()
    const policies = listLocalPolicies()
    if (format === 'json') {
      const all = [
        ...algorithms.map((algorithm) => ({ kind: 'router', ...algorithm })),
        ...combinators.map((combinator) => ({ kind: 'combinator', ...combinator })),
        ...policies.map((policy) => ({ kind: 'local', ...policy })),
      ]
      process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`)
      return
    }
    algorithms.forEach(print)
    process.stdout.write('\nAround any of them, as in "gate(NAME):parameter=value":\n\n')
    combinators.forEach(print)
    process.stdout.write("\nOrders of a backend's queue, for `scheduling` in the config:\n\n")
    for (const { name, description, parameters } of policies) {
      process.stdout.write(`${name}\n  ${description}\n`)
      printParameters(parameters)
    }
  },
}

function print({ name, description, observes = [], parameters, presets }: AlgorithmInfo): void {
  process.stdout.write(`${name}\n  ${description}\n`)
  process.stdout.write(`  Observes: ${observes.length === 0 ? 'nothing' : observes.join(', ')}.\n`)
  printParameters(parameters)
  for (const [preset, { mirrors }] of Object.entries(presets)) {
    process.stdout.write(`    @${preset}  ${mirrors}\n`)
  }
}

function printParameters(parameters: AlgorithmInfo['parameters']): void {
  for (const [key, parameter] of Object.entries(parameters)) {
    process.stdout.write(`    ${key} = ${parameter.default}  ${parameter.description}\n`)
  }
}
