import { existsSync, statSync } from 'node:fs'
import { findPublicTrace, PUBLIC_TRACES, pulledPath, pullTrace, traceStore } from '@routesim/traces'
import type { CommandModule } from 'yargs'
import { alignedTable } from '../../output/table.js'
import { printFitted } from '../../output/wrapped.js'
import { watched } from '../experiment-options.js'

interface TracePullArguments {
  name: string | undefined
  url: string | undefined
}

/** `routesim trace pull`: public traces by name. */
export const tracePullCommand: CommandModule<object, TracePullArguments> = {
  command: 'pull [name]',
  describe: 'Download a public trace once, for -t by its name; without a name, list them',
  builder: (yargs) =>
    yargs
      .positional('name', {
        type: 'string',
        describe: 'Public trace, such as mooncake:conversation',
      })
      .option('url', {
        type: 'string',
        requiresArg: true,
        describe: 'Download the same file from a mirror',
      })
      .example('$0 trace pull mooncake:conversation', '')
      .example('$0 run -t mooncake:conversation -c configs/mooncake.toml', '') as never,
  handler: async ({ name, url }) => {
    if (name === undefined) {
      printFitted(listing)
      return
    }
    const trace = findPublicTrace(name)
    const { path, isNew, uncheckedSha256 } = await watched(
      ({ signal, onProgress }) =>
        pullTrace(trace, {
          url,
          signal,
          onProgress: (bytes, total) =>
            onProgress?.({
              label: name,
              finishedRuns: 0,
              totalRuns: 1,
              fraction: total === undefined ? 0 : bytes / total,
            }),
        }),
      'Stopping; what has come is kept.',
    )
    console.error(
      isNew
        ? `Pulled ${name} (${megabytes(statSync(path).size)}, ${trace.licence})`
        : `${name} is there already`,
    )
    if (uncheckedSha256 !== undefined) {
      console.error(
        `note: no SHA-256 of ${name} is published to check it against; what came has ${uncheckedSha256}`,
      )
    }
    console.log(path)
  },
}

function listing(maxWidth: number): string {
  const columns = [
    { title: 'Name', align: 'left' },
    { title: 'Size', align: 'right', rank: 2 },
    { title: 'Licence', align: 'left', rank: 4 },
    { title: 'Here', align: 'left', rank: 1 },
    { title: 'What it is', align: 'left', rank: 3 },
  ] as const
  const rows = PUBLIC_TRACES.map((trace) => [
    trace.name,
    trace.bytes === undefined ? '?' : megabytes(trace.bytes),
    trace.licence,
    existsSync(pulledPath(trace)) ? 'yes' : 'no',
    trace.description,
  ])
  return `Public traces, kept in ${traceStore()}\n\n${alignedTable(columns, rows, maxWidth)}`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
