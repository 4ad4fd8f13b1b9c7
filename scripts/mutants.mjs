// How strong the tests of the fast engine are: plants faults, one at a time, in a copy of the sources and
// expects the tests to fail. `node scripts/mutants.mjs [NAME...]`; takes some minutes, so CI does not run it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const FAST = 'core/src/backend/fast-fleet.ts'
const STRETCH = 'core/src/backend/stretch-length.ts'
const POLICIES = 'core/src/backend/policy-fleet.ts'
const RESERVED = 'core/src/backend/reservations.ts'
const DECODES = 'core/src/backend/decode-batches.ts'
const BLOCKS = 'core/src/backend/stretch-blocks.ts'
const RADIX = 'hardware/src/kv-cache/radix-kv-cache.ts'
const PINS = 'hardware/src/kv-cache/extent-pins.ts'
const INDEX = 'hardware/src/kv-cache/prefix-index.ts'
const LRU = 'hardware/src/kv-cache/lru-segments.ts'

/** [name, file, what is there, what is planted] */
const MUTANTS = [
  [
    'a stretch runs one step past a finish',
    DECODES,
    'firstFinish(heap, ints[n + FIRST_PLACE]!) - ints[n + COUNTER]!',
    'firstFinish(heap, ints[n + FIRST_PLACE]!) - ints[n + COUNTER]! + 1',
  ],
  [
    'a stretch runs one block past the last',
    BLOCKS,
    'if (neededAfterFirst(state, backend, most) <= available) return most',
    'if (neededAfterFirst(state, backend, most) <= available + 1) return most',
  ],
  [
    'an arrival does not end a stretch',
    FAST,
    'if (!mayAdmit && this.arrived[backend]!.length === 0) return',
    'if (this.arrived[backend]!.length === 0) return',
  ],
  [
    'an arrived KV cache does not end a stretch',
    FAST,
    'if (!mayAdmit && this.arrived[backend]!.length === 0) return',
    'if (!mayAdmit) return',
  ],
  [
    'a blocked head stays blocked after a release',
    FAST,
    '    this.kv.release(backend, request)\n    this.state.ints[backend * INTS + IS_BLOCKED] = 0',
    '    this.kv.release(backend, request)',
  ],
  [
    'routers see no growth within a stretch',
    FAST,
    '    allocateSteps(state, backend, started)\n',
    '',
  ],
  [
    'a chunk is visible before it is computed',
    FAST,
    'commitChunks(state, backend, stepsOver(state, backend, started))',
    'commitChunks(state, backend, started)',
  ],
  [
    'a step that preempts is stretched',
    FAST,
    'this.launch(backend, hasPreempted || hasStalled || hasJoined)',
    'this.launch(backend, hasStalled || hasJoined)',
  ],
  [
    'the gap after a transfer counts twice',
    FAST,
    'measured -= this.recordResumed(backend)',
    'this.recordResumed(backend)',
  ],
  [
    'the oldest request is preempted',
    DECODES,
    'if (admissionAt(heap, first, i) > admissionAt(heap, first, newest))',
    'if (admissionAt(heap, first, i) < admissionAt(heap, first, newest))',
  ],
  [
    'context grows by one step too few',
    DECODES,
    'floats[context]! + ints[n + DECODES]! * k',
    'floats[context]! + ints[n + DECODES]! * (k - 1)',
  ],
  [
    'shared answers are committed at the end only',
    STRETCH,
    'if (ints[n + SHARING]! > 0) most = Math.min(most, stepsToSharedBlock(state, backend))',
    '',
  ],
  [
    'duplicate chunks are not noticed',
    STRETCH,
    'if (kv.matchOn(backend, request, known) > computed) return 1',
    '',
  ],
  [
    'a chunk too many belongs to the stretch',
    STRETCH,
    'return ((known - computed) / tokens) | 0',
    'return Math.ceil((known - computed) / tokens)',
  ],
  [
    'a knot of the latency model is ignored',
    STRETCH,
    'segmentSteps < MOST_STEPS ? segmentSteps | 0 : MOST_STEPS',
    'MOST_STEPS',
  ],
  [
    'the step under way is one too late',
    'core/src/backend/stretches.ts',
    '!isEarlier(endOf(startMs, baseMs, slopeMs, k - 1), nowMs)) k--',
    'endOf(startMs, baseMs, slopeMs, k - 1) > nowMs) k--',
  ],
  [
    'block growth is off by one',
    'core/src/backend/block-growth.ts',
    'return rest === 0 ? 0 : blockTokens - rest',
    'return rest',
  ],
  [
    'ties among finishing requests go the other way',
    'core/src/backend/finish-heap.ts',
    'admission < heap[other + ADMISSION]!',
    'admission > heap[other + ADMISSION]!',
  ],
  [
    'partly held extents are forgotten',
    PINS,
    'if (holding[h + HELD_EXTENT] === e) depth',
    'if (holding[h + HELD_EXTENT] !== e) depth',
  ],
  [
    'hits count as evictable twice',
    RADIX,
    'available - this.evictableAmong(backend, request, cached)',
    'available',
  ],
  [
    'duplicates are not given back',
    PINS,
    'if (duplicates > 0) this.freeBlocks',
    'if (duplicates > 1e9) this.freeBlocks',
  ],
  [
    'own blocks are released after the shared ones',
    RADIX,
    '      if (own === NONE) this.lru.appendNameless(backend, ownBlocks)\n      else this.pins.unpin(own, this.index.extents.data[own + START]!)\n    }\n    if (holding[h + HELD_EXTENT] !== NONE) this.pins.unpinPath(h)\n',
    '      if (holding[h + HELD_EXTENT] !== NONE) this.pins.unpinPath(h)\n      if (own === NONE) this.lru.appendNameless(backend, ownBlocks)\n      else this.pins.unpin(own, this.index.extents.data[own + START]!)\n    } else if (holding[h + HELD_EXTENT] !== NONE) this.pins.unpinPath(h)\n',
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
  [
    'a pause does not show in the next gap',
    POLICIES,
    'if (paused.hasGap(backend))',
    'if (paused.hasGap(backend) && nowMs < 0)',
  ],
  [
    'decodes resume amid a stretch',
    POLICIES,
    'return this.paused.hasGap(backend) || this.resumed[backend]!.length > 0',
    'return false',
  ],
  [
    'prompts do not pause decodes',
    POLICIES,
    'this.paused.pause(backend)',
    'this.paused.isPaused(backend)',
  ],
  [
    'evicting all forgets the chunk',
    POLICIES,
    'blocksNeeded(state, backend, 1) + this.blocksOfChunk(backend)',
    'blocksNeeded(state, backend, 1)',
  ],
  [
    'nobody is admitted after all were evicted',
    POLICIES,
    'hasLost ? this.evictsAll[backend] === 1 : !hasStalled',
    '!hasLost && !hasStalled',
  ],
  ['the longest answer is retracted', POLICIES, '? emitted < fewest', '? emitted > fewest'],
  [
    'among equal answers the shortest prompt is retracted',
    POLICIES,
    '? prompt > longest',
    '? prompt < longest',
  ],
  [
    'swapped tokens are computed again',
    POLICIES,
    'Math.max(cached, progress.swappedTokens[request] ?? 0)',
    'cached',
  ],
  [
    'the way back from host memory is free',
    POLICIES,
    '+ (computed - cached) * this.swapMsPerToken[backend]!',
    '+ 0',
  ],
  [
    'a chunk that is swapped out is lost',
    POLICIES,
    'this.swapOut(backend, request, this.state.computedTokens[request]!)',
    'this.swapOut(backend, request, 0)',
  ],
  [
    'nothing is set aside for KV caches on their way',
    RESERVED,
    'let blocks = this.ofFetching[backend]!',
    'let blocks = 0',
  ],
  [
    'nothing is set aside for prompts of the same step',
    RESERVED,
    'blocks += this.lacking(backend, request, tokens)',
    'blocks += 0',
  ],
  [
    'a token ahead is forgotten',
    RESERVED,
    'tokensComputed(state, backend, request) + ahead',
    'tokensComputed(state, backend, request)',
  ],
  [
    'prefill backends set answers aside',
    RESERVED,
    'this.backendOf[request] === backend',
    'this.backendOf[request] !== -1',
  ],
  ['ranks in lockstep are stretched', POLICIES, 'isLockstep(this.specs[backend]!) ||', 'false ||'],
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
