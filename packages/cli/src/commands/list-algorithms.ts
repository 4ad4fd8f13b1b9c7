import { closestName } from '@routesim/core'
import {
  type AlgorithmInfo,
  listAlgorithms,
  listCombinators,
  listLocalPolicies,
} from '@routesim/experiments'
import type { CommandBody } from '../command-body.js'
import { UsageError } from '../usage-error.js'

interface ListArguments {
  name: string | undefined
  format: 'text' | 'json'
}

/** `routesim list-algorithms`: routers, combinators and orders of queues, and their parameters. */
export const listAlgorithmsCommand: CommandBody<ListArguments> = {
  builder: (yargs) =>
    yargs
      .positional('name', { type: 'string', describe: 'Only those with this in their name' })
      .option('format', {
        choices: ['text', 'json'] as const,
        default: 'text' as const,
        requiresArg: true,
        describe: 'Print as',
      }) as never,
  handler: ({ format, name = '' }) => {
    const wanted = ({ name: each }: { name: string }): boolean =>
      each.includes(name.replaceAll('-', '_').toLowerCase())
    const algorithms = listAlgorithms().filter(wanted)
    const combinators = listCombinators().filter(wanted)
    const policies = listLocalPolicies().filter(wanted)
    if (algorithms.length + combinators.length + policies.length === 0) throw unknown(name)
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
    if (combinators.length > 0) {
      process.stdout.write('\nAround any of them, as in "gate(NAME):parameter=value":\n\n')
      combinators.forEach(print)
    }
    if (policies.length > 0) {
      process.stdout.write("\nOrders of a backend's queue, for `scheduling` in the config:\n\n")
    }
    for (const { name, description, parameters } of policies) {
      process.stdout.write(`${name}\n  ${description}\n`)
      printParameters(parameters)
    }
  },
}

function unknown(name: string): UsageError {
  const all = [...listAlgorithms(), ...listCombinators(), ...listLocalPolicies()]
  const near = closestName(
    name.replaceAll('-', '_'),
    all.map((each) => each.name),
  )
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return new UsageError(
    `name: no algorithm has ${JSON.stringify(name.slice(0, 60))} in its name${hint}`,
  )
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
