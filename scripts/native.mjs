// Compiles what is written in AssemblyScript to WebAssembly, in modules of TypeScript, so that sources run without a
// build. `--check` says whether those modules are what the sources give.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import binaryen from 'assemblyscript/binaryen'

const WIDTH = 96
const COMMON = ['--runtime', 'stub', '-O3', '--converge', '--noAssert', '--use', 'abort=']
const SHARED_MEMORY = [
  ['--importMemory', '--sharedMemory', '--initialMemory', '16', '--maximumMemory', '65536'],
  ['--enable', 'threads', '--enable', 'bulk-memory', '--enable', 'nontrapping-f2i'],
].flat()

const FEATURES =
  binaryen.Features.MVP |
  binaryen.Features.Atomics |
  binaryen.Features.BulkMemory |
  binaryen.Features.BulkMemoryOpt |
  binaryen.Features.MutableGlobals |
  binaryen.Features.NontrappingFPToInt |
  binaryen.Features.SignExt |
  binaryen.Features.SIMD128

const MODULES = [
  {
    package: 'core',
    entry: 'assembly/index.ts',
    flags: SHARED_MEMORY,
    output: 'src/native/engine-bytes.ts',
    name: 'ENGINE_BYTES',
    what: 'The native engine',
  },
  {
    package: 'algorithms',
    entry: 'assembly/least.ts',
    flags: ['--initialMemory', '1', '--enable', 'simd'],
    output: 'src/pickers/least-bytes.ts',
    name: 'LEAST_BYTES',
    what: 'The search for the least cost',
  },
]

/**
 * Puts small functions into those that call them, further than the compiler does: V8 inlines none of WebAssembly, and a
 * run makes dozens of calls per request.
 */
function inlined(bytes) {
  const module = binaryen.readBinary(bytes)
  module.setFeatures(FEATURES)
  binaryen.setOptimizeLevel(3)
  binaryen.setShrinkLevel(0)
  binaryen.setAlwaysInlineMaxSize(60)
  binaryen.setOneCallerInlineMaxSize(2000)
  binaryen.setFlexibleInlineMaxSize(200)
  binaryen.setAllowInliningFunctionsWithLoops(true)
  module.optimize()
  module.optimize()
  return module.emitBinary()
}

/** The TypeScript for some bytes of WebAssembly. */
function sourceOf({ name, what }, bytes) {
  const base64 = Buffer.from(bytes).toString('base64')
  const lines = base64.match(new RegExp(`.{1,${WIDTH}}`, 'g'))
  return `// Made from assembly/ by \`node scripts/dev.mjs native\`; do not edit.\n/** ${what}: WebAssembly, in base 64. */\nexport const ${name}: string = \`\n${lines.join('\n')}\n\`\n`
}

for (const module of MODULES) {
  const folder = fileURLToPath(new URL(`../packages/${module.package}/`, import.meta.url))
  let bytes
  const { error, stderr } = await asc.main(
    [module.entry, '--baseDir', folder, '--outFile', 'out.wasm', ...COMMON, ...module.flags],
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
  const path = folder + module.output
  const made = sourceOf(module, inlined(bytes))
  const isCheck = process.argv.includes('--check')
  if (isCheck && readFileSync(path, 'utf8') !== made) {
    console.error(`${path} is not what its sources give: run node scripts/dev.mjs native`)
    process.exit(1)
  }
  if (!isCheck) writeFileSync(path, made)
}
