// How strong the tests of the fast engine are: plants faults, one at a time, in a copy of the sources and
// expects the tests to fail. `node scripts/mutants.mjs [NAME...]`; takes some minutes, so CI does not run it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const FAST = 'core/src/backend/fast-backend.ts'
const DECODES = 'core/src/backend/decode-batch.ts'
const BLOCKS = 'core/src/backend/stretch-blocks.ts'
const RADIX = 'hardware/src/kv-cache/radix-kv-cache.ts'
const INDEX = 'hardware/src/kv-cache/prefix-index.ts'
const LRU = 'hardware/src/kv-cache/lru-segments.ts'

/** [name, file, what is there, what is planted] */
const MUTANTS = [
  [
    'a stretch runs one step past a finish',
    DECODES,
    'this.heap.firstFinish - this.counter',
    'this.heap.firstFinish - this.counter + 1',
  ],
  [
    'a stretch runs one block past the last',
    BLOCKS,
    'if (this.neededAfterFirst(most) <= available)',
    'if (this.neededAfterFirst(most) <= available + 1)',
  ],
  [
    'an arrival does not end a stretch',
    FAST,
    'if (!mayAdmit && this.arrived.length === 0) return',
    'if (this.arrived.length === 0) return',
  ],
  [
    'an arrived KV cache does not end a stretch',
    FAST,
    'if (!mayAdmit && this.arrived.length === 0) return',
    'if (!mayAdmit) return',
  ],
  [
    'a blocked head stays blocked after a release',
    FAST,
    '    this.kv.release(this.id, request)\n    this.headIsBlocked = false',
    '    this.kv.release(this.id, request)',
  ],
  ['routers see no growth within a stretch', FAST, '    this.blocks.allocate(started)\n', ''],
  [
    'a chunk is visible before it is computed',
    FAST,
    'this.blocks.commitChunks(stretch.stepsOver(nowMs, started))',
    'this.blocks.commitChunks(started)',
  ],
  [
    'a step that preempts is stretched',
    FAST,
    'const isAlone = hasPreempted || hasStalled',
    'const isAlone = hasStalled',
  ],
  ['the gap after a transfer counts twice', FAST, '        measured--\n', ''],
  [
    'the oldest request is preempted',
    DECODES,
    'if (heap.admissionAt(i) > heap.admissionAt(newest))',
    'if (heap.admissionAt(i) < heap.admissionAt(newest))',
  ],
  [
    'context grows by one step too few',
    DECODES,
    'this.contextTokens += this.heap.size * k',
    'this.contextTokens += this.heap.size * (k - 1)',
  ],
  [
    'shared answers are committed at the end only',
    FAST,
    'this.decodes.stepsToFinish, this.decodes.stepsToSharedBlock)',
    'this.decodes.stepsToFinish)',
  ],
  [
    'duplicate chunks are not noticed',
    FAST,
    'if (this.kv.matchOn(this.id, request, known) > computed) return 1',
    '',
  ],
  [
    'a chunk too many belongs to the stretch',
    FAST,
    'return Math.floor((known - computed) / tokens)',
    'return Math.ceil((known - computed) / tokens)',
  ],
  [
    'a knot of the latency model is ignored',
    FAST,
    'Math.max(1, Math.floor(this.segment.steps))',
    '1e9',
  ],
  [
    'the step under way is one too late',
    'core/src/backend/stretch.ts',
    '!isEarlier(this.endOf(k - 1), timeMs)) k--',
    'this.endOf(k - 1) > timeMs) k--',
  ],
  [
    'block growth is off by one',
    'core/src/backend/block-growth.ts',
    'return rest === 0 ? 0 : this.blockTokens - rest',
    'return rest',
  ],
  [
    'ties among finishing requests go the other way',
    'core/src/backend/finish-heap.ts',
    'admission < this.admission[other]!',
    'admission > this.admission[other]!',
  ],
  [
    'partly held extents are forgotten',
    RADIX,
    'if (holding[h + EXTENT] === e) depth',
    'if (holding[h + EXTENT] !== e) depth',
  ],
  [
    'hits count as evictable twice',
    RADIX,
    'available - this.evictableAmong(backend, request, cached)',
    'available',
  ],
  [
    'duplicates are not given back',
    RADIX,
    'if (duplicates > 0) this.freeBlocks',
    'if (duplicates > 1e9) this.freeBlocks',
  ],
  [
    'own blocks are released after the shared ones',
    RADIX,
    '    if (own !== NONE) this.unpin(own, this.index.extents.data[own + START]!)\n    this.unpinPath(h)\n',
    '    this.unpinPath(h)\n    if (own !== NONE) this.unpin(own, this.index.extents.data[own + START]!)\n',
  ],
  [
    'the newest blocks are evicted first',
    LRU,
    'const s = x[this.rings[backend]! + NEWER]!',
    'const s = x[this.rings[backend]! + OLDER]!',
  ],
  ['a row keeps what was dropped', INDEX, '      holders.resident[row + backend] = 0\n', ''],
  [
    'the last prompt token may be a hit',
    INDEX,
    'const promptTokens = this.requests.promptTokens[request]! - 1',
    'const promptTokens = this.requests.promptTokens[request]!',
  ],
]

const TESTS = [
  ['e2e', 'packages/e2e/src/engine/steppers-agree.test.ts'],
  ['unit', 'packages/hardware/src/kv-cache', 'packages/core/src/backend'],
]

const copy = mkdtempSync(join(tmpdir(), 'routesim-mutants-'))
const copied = (path) => !/\/(dist|\.turbo|etc)$/.test(path)
let survivors = 0
try {
  cpSync(join(root, 'packages'), join(copy, 'packages'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: copied,
  })
  cpSync(join(root, 'scripts'), join(copy, 'scripts'), { recursive: true })
  for (const file of ['package.json', 'vitest.config.ts', 'tsconfig.base.json'])
    cpSync(join(root, file), join(copy, file))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const vitest = join(root, 'node_modules', '.bin', 'vitest')
  // Threads, so that an endless loop ends with the process that is killed for it.
  const failed = ([project, ...files]) =>
    spawnSync(vitest, ['run', '--project', project, '--bail', '1', '--pool=threads', ...files], {
      cwd: copy,
      stdio: 'ignore',
      timeout: 90_000,
      killSignal: 'SIGKILL',
    }).status !== 0

  if (TESTS.some(failed)) throw new Error('the tests fail without a mutant')
  const wanted = process.argv.slice(2)
  for (const [name, file, there, planted] of MUTANTS) {
    if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue
    const path = join(copy, 'packages', file)
    const source = readFileSync(path, 'utf8')
    if (source.split(there).length !== 2)
      throw new Error(`${name}: expected the text to replace once in ${file}: ${there}`)
    writeFileSync(
      path,
      source.replace(there, () => planted),
    )
    const isCaught = TESTS.some(failed)
    writeFileSync(path, source)
    if (!isCaught) survivors++
    console.log(`${isCaught ? 'caught  ' : 'SURVIVED'}  ${name}`)
  }
} finally {
  rmSync(copy, { recursive: true, force: true })
}
if (survivors > 0) process.exitCode = 1
