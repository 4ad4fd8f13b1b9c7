#!/usr/bin/env node
import module from 'node:module'
import { setFlagsFromString } from 'node:v8'

// A command is over soon. V8's compiler, left alone, inlines so much into each function that compiling takes a
// tenth of a short run, and long ones are no faster for it. (920 bytes by default, tried in V8 11 to 13; a version
// that has given the flag up would complain.)
if (Number.parseInt(process.versions.v8, 10) <= 13) {
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=500')
}
// Node from 22.1 on keeps compiled code among the temporary files for the next command, a sixth of a short one;
// types are those of the oldest Node supported.
const { enableCompileCache } = module as typeof module & { enableCompileCache?: () => unknown }
enableCompileCache?.()
const { main } = await import('./main.js')

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // The reader of the pipe has seen enough.
    if (error.code === 'EPIPE') process.exit(0)
    if (stream === process.stdout) console.error(`error: standard output: ${error.message}`)
    process.exit(1)
  })
}
process.exitCode = await main(process.argv.slice(2))
