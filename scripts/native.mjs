// Compiles the native engine: packages/core/assembly, in AssemblyScript, to WebAssembly in a module of TypeScript, so
// that sources run without a build. `--check` says whether that module is what the sources give.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const core = fileURLToPath(new URL('../packages/core/', import.meta.url))
const path = `${core}src/native/engine-bytes.ts`
const WIDTH = 96

const flags = [
  ['--runtime', 'stub', '-O3', '--converge', '--noAssert', '--use', 'abort='],
  ['--importMemory', '--sharedMemory', '--initialMemory', '16', '--maximumMemory', '65536'],
  ['--enable', 'threads', '--enable', 'bulk-memory', '--enable', 'nontrapping-f2i'],
].flat()

/** The module for some bytes of WebAssembly. */
function moduleOf(bytes) {
  const base64 = Buffer.from(bytes).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${WIDTH}}`, 'g'))
  return `// Made from assembly/ by \`node scripts/dev.mjs native\`; do not edit.\n/** The native engine: WebAssembly, in base 64. */\nexport const ENGINE_BYTES: string = \`\n${lines.join('\n')}\n\`\n`
}

let bytes
const { error, stderr } = await asc.main(
  ['assembly/index.ts', '--baseDir', core, '--outFile', 'engine.wasm', ...flags],
  {
    writeFile: (_name, contents) => {
      bytes = contents
    },
  },
)
if (error !== null) {
  console.error(stderr.toString())
  process.exit(1)
}
const made = moduleOf(bytes)
const isCheck = process.argv.includes('--check')
if (isCheck && readFileSync(path, 'utf8') !== made) {
  console.error(`${path} is not what packages/core/assembly gives: run node scripts/dev.mjs native`)
  process.exit(1)
}
if (!isCheck) writeFileSync(path, made)
