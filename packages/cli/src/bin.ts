#!/usr/bin/env node
import { main } from './main.js'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of the pipe has seen enough.
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
process.exitCode = await main(process.argv.slice(2))
