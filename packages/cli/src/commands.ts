import type { CommandModule } from 'yargs'
import type { CommandBody } from './command-body.js'

/** A command as help lists it. The rest is loaded when it is called, so that others start sooner. */
interface ListedCommand {
  /** Its name and the words that follow, as yargs writes them. */
  readonly command: string
  readonly describe: string
  /** Its {@link CommandBody}. */
  readonly load: () => Promise<object>
}

const LISTED: readonly ListedCommand[] = [
  {
    command: 'run [config]',
    describe: 'Simulate one routing algorithm',
    load: async () => (await import('./commands/run.js')).runCommand,
  },
  {
    command: 'compare [config]',
    describe: 'Compare routing algorithms on the same traffic',
    load: async () => (await import('./commands/compare.js')).compareCommand,
  },
  {
    command: 'explain [config]',
    describe: 'Tell why requests went where they went, and what elsewhere would have cost',
    load: async () => (await import('./commands/explain.js')).explainCommand,
  },
  {
    command: 'sweep [config]',
    describe: 'Simulate over arrival rates, config values and algorithms',
    load: async () => (await import('./commands/sweep.js')).sweepCommand,
  },
  {
    command: 'worker',
    describe: 'Do runs of sweeps that are shared with --queue, on any machine',
    load: async () => (await import('./commands/worker.js')).workerCommand,
  },
  {
    command: 'serving-sim',
    describe: 'Simulate with the flags and instance configs of the LLM-Serving-Simulator',
    load: async () => (await import('./commands/serving-sim.js')).servingSimCommand,
  },
  {
    command: 'capacity [config]',
    describe: 'Find the largest rate, or the smallest fleet, that meets the SLOs',
    load: async () => (await import('./commands/capacity.js')).capacityCommand,
  },
  {
    command: 'whatif [config]',
    describe: 'Tell what a change of config or algorithm does, with 95% intervals',
    load: async () => (await import('./commands/whatif.js')).whatifCommand,
  },
  {
    command: 'tune [config]',
    describe: 'Find parameters of an algorithm for your traffic, and prove them on other traffic',
    load: async () => (await import('./commands/tune.js')).tuneCommand,
  },
  {
    command: 'results <action> <logs..>',
    describe: 'Merge, show or export the result logs of sweeps',
    load: async () => (await import('./commands/results.js')).resultsCommand,
  },
  {
    command: 'gen-trace',
    describe: 'Generate a trace',
    load: async () => (await import('./commands/gen-trace.js')).genTraceCommand,
  },
  {
    command: 'convert',
    describe: 'Convert a trace to another format',
    load: async () => (await import('./commands/convert.js')).convertCommand,
  },
  {
    command: 'synthesize',
    describe: 'Make a new trace after the example of one',
    load: async () => (await import('./commands/synthesize.js')).synthesizeCommand,
  },
  {
    command: 'trace <what>',
    describe: 'Analyse, fit, edit and merge traces, or download a public one',
    load: async () => (await import('./commands/trace/trace.js')).traceCommand,
  },
  {
    command: 'plot <results..>',
    describe: 'Draw result files as SVG, PNG, a page, or in the terminal',
    load: async () => (await import('./commands/plot.js')).plotCommand,
  },
  {
    command: 'validate [sets..]',
    describe: 'Compare predictions with published measurements of real systems',
    load: async () => (await import('./commands/validate.js')).validateCommand,
  },
  {
    command: 'calibrate <measurements>',
    describe: 'Fit step times to measured requests of one backend',
    load: async () => (await import('./commands/calibrate.js')).calibrateCommand,
  },
  {
    command: 'up',
    describe: 'Start mock workers and a router in one process, and ping it',
    load: async () => (await import('./commands/live/up.js')).upCommand,
  },
  {
    command: 'mock-workers',
    describe: 'Start vLLM-like workers that behave as simulated ones, in real time',
    load: async () => (await import('./commands/live/mock-workers.js')).mockWorkersCommand,
  },
  {
    command: 'serve',
    describe: 'Route OpenAI-compatible requests to workers with any algorithm',
    load: async () => (await import('./commands/live/serve.js')).serveCommand,
  },
  {
    command: 'bench',
    describe: 'Load a server, or a simulated one, and measure',
    load: async () => (await import('./commands/live/bench.js')).benchCommand,
  },
  {
    command: 'twin',
    describe: 'Run a workload live and simulated with the same settings, and compare',
    load: async () => (await import('./commands/live/twin.js')).twinCommand,
  },
  {
    command: 'ping [port]',
    describe: 'Send one short chat completion to a router or worker',
    load: async () => (await import('./commands/live/ping.js')).pingCommand,
  },
  {
    command: 'list-algorithms [name]',
    describe: 'List routing algorithms, combinators and local policies with their parameters',
    load: async () => (await import('./commands/list-algorithms.js')).listAlgorithmsCommand,
  },
  {
    command: 'list-models',
    describe: 'List the models that configs may name',
    load: async () => (await import('./commands/list-hardware.js')).listModelsCommand,
  },
  {
    command: 'list-gpus',
    describe: 'List the GPUs that configs may name',
    load: async () => (await import('./commands/list-hardware.js')).listGpusCommand,
  },
  {
    command: 'new <kind> <name>',
    describe: 'Write a small project for a router of your own',
    load: async () => (await import('./commands/new.js')).newCommand,
  },
  {
    command: 'demo',
    describe: 'Show what RouteSim does, without any file',
    load: async () => (await import('./commands/demo.js')).demoCommand,
  },
]

/** The names of all commands. */
export const COMMANDS: readonly string[] = LISTED.map(({ command }) => command.split(' ')[0]!)

/** All commands, in the order in which help shows them. */
export const commandModules: readonly CommandModule[] = LISTED.map(
  ({ command, describe, load }): CommandModule => {
    const body = async (): Promise<CommandBody> => (await load()) as CommandBody
    return {
      command,
      describe,
      builder: async (yargs) => {
        const { builder } = await body()
        return typeof builder === 'function' ? builder(yargs) : yargs.options(builder ?? {})
      },
      handler: async (args) => (await body()).handler(args),
    }
  },
)
