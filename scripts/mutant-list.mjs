// Faults that `mutants.mjs` plants in the fast engine and its KV cache; a test holds them to the sources.
const FAST = 'core/src/backend/fast/fast-fleet.ts'
const STRETCH = 'core/src/backend/fast/stretch-length.ts'
const PREEMPTING = 'core/src/backend/fast/preempting-fleet.ts'
const POLICIES = 'core/src/backend/fast/policy-fleet.ts'
const RESERVED = 'core/src/backend/fast/reservations.ts'
const LOADING = 'core/src/backend/fast/loading-fleet.ts'
const ADAPTERS = 'core/src/backend/fast/adapter-fleet.ts'
const DECODES = 'core/src/backend/fast/decode-batches.ts'
const BLOCKS = 'core/src/backend/fast/stretch-blocks.ts'
const CANCELLING = 'core/src/backend/fast/cancelling-fleet.ts'
const FLEET_BATCHES = 'core/src/backend/fast/fleet-batches.ts'
const MAIL = 'core/src/backend/mailboxes.ts'
const LOST = 'core/src/engine/failures/lost-requests.ts'
const LIFE = 'core/src/engine/failures/backend-life.ts'
const TIMEOUTS = 'core/src/engine/failures/request-timeouts.ts'
const PLANS = 'core/src/backend/fast/step-plans.ts'
const LOOP = 'core/src/kernel/event-loop.ts'
const DEADLOCKS = 'core/src/engine/memory-deadlocks.ts'
const SAMPLER = 'core/src/engine/results/load-sampler.ts'
const TRANSFERS = 'core/src/engine/kv-transfers.ts'
const DISPATCHER = 'core/src/engine/dispatcher.ts'
const FOLLOW_UPS = 'core/src/engine/follow-ups.ts'
const HELD = 'core/src/engine/routers/held-requests.ts'
const READS = 'core/src/backend/shared-reads.ts'
const RADIX = 'hardware/src/kv-cache/radix-kv-cache.ts'
const PINS = 'hardware/src/kv-cache/extent-pins.ts'
const INDEX = 'hardware/src/kv-cache/prefix-index.ts'
const TIERS = 'hardware/src/kv-cache/radix-tiers.ts'
const LRU = 'hardware/src/kv-cache/lru-segments.ts'
const N_FLEET = 'core/assembly/fleet.ts'
const N_BATCHES = 'core/assembly/batches.ts'
const N_STRETCHES = 'core/assembly/stretches.ts'
const N_KV = 'core/assembly/kv-cache.ts'
const N_INDEX = 'core/assembly/prefix-index.ts'
const N_LRU = 'core/assembly/lru-segments.ts'
const N_LOOP = 'core/assembly/event-loop.ts'
const N_RANKS = 'core/assembly/ranked-queues.ts'

/** [name, file under `packages`, what stands there once, what is planted] */
export const MUTANTS = [
  [
    'a stretch runs one step past a finish',
    DECODES,
    'firstFinish(heap, batch.firstPlace) - batch.counter',
    'firstFinish(heap, batch.firstPlace) - batch.counter + 1',
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
    'if (mayAdmit || this.arrived[backend]!.length > 0) this.endWithPresentStep(backend)',
    'if (this.arrived[backend]!.length > 0) this.endWithPresentStep(backend)',
  ],
  [
    'an arrived KV cache does not end a stretch',
    FAST,
    'if (mayAdmit || this.arrived[backend]!.length > 0) this.endWithPresentStep(backend)',
    'if (mayAdmit) this.endWithPresentStep(backend)',
  ],
  [
    'what a stretch evicts is still found',
    FAST,
    'evicting.size === 0 ? 0 :',
    'evicting.size >= 0 ? 0 :',
  ],
  [
    'a prompt under way is found once it is computed',
    BLOCKS,
    'if (batch.prefills > 0) state.growing.add(backend)',
    'if (batch.prefills > 0) announceNone(state, backend)',
  ],
  [
    'nobody hears that a stretch evicts',
    BLOCKS,
    'else if (changesMatches(state, backend, steps)) state.evicting.add(backend)',
    '',
  ],
  [
    'one of the backends of a row is not asked for what it holds',
    INDEX,
    'for (let i = 0; i < size; i++) {\n        if (extents[row + members[i]!] !== NONE)',
    'for (let i = 1; i < size; i++) {\n        if (extents[row + members[i]!] !== NONE)',
  ],
  [
    'a blocked head stays blocked after a release',
    FAST,
    '    this.kv.release(backend, request, this.mayComeBack)\n    this.state.batches[backend]!.isBlocked = 0',
    '    this.kv.release(backend, request, this.mayComeBack)',
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
    'batch.contextTokens += batch.decodes * k',
    'batch.contextTokens += batch.decodes * (k - 1)',
  ],
  [
    'counting steps anew shifts the blocks that are due',
    DECODES,
    'counter - (counter % batch.blockTokens)',
    'counter',
  ],
  [
    'counting steps anew puts finishes off',
    DECODES,
    '  shiftFinishes(heap, first, size, steps)\n',
    '',
  ],
  [
    'counting steps anew forgets tokens',
    DECODES,
    'finishStep[request] = finishStep[request]! - steps',
    'finishStep[request] = finishStep[request]!',
  ],
  [
    'shared answers are committed at the end only',
    STRETCH,
    'if (batch.sharing > 0) most = Math.min(most, stepsToSharedBlock(state, backend))',
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
    'segment.steps < MOST_STEPS ? segment.steps | 0 : MOST_STEPS',
    'MOST_STEPS',
  ],
  [
    'the step under way is one too late',
    'core/src/backend/fast/stretches.ts',
    '!isEarlier(endOf(startMs, baseMs, slopeMs, k - 1), nowMs)) k--',
    'endOf(startMs, baseMs, slopeMs, k - 1) > nowMs) k--',
  ],
  [
    'block growth is off by one',
    'core/src/backend/fast/block-growth.ts',
    'return rest === 0 ? 0 : blockTokens - rest',
    'return rest',
  ],
  [
    'ties among finishing requests go the other way',
    'core/src/backend/fast/finish-heap.ts',
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
    PREEMPTING,
    'blocksNeeded(state, backend, 1) + this.blocksOfChunk(backend)',
    'blocksNeeded(state, backend, 1)',
  ],
  [
    'nobody is admitted after all were evicted',
    POLICIES,
    'hasLost ? this.evictsAll[backend] === 1 : !hasStalled',
    '!hasLost && !hasStalled',
  ],
  ['the longest answer is retracted', PREEMPTING, '? emitted < fewest', '? emitted > fewest'],
  [
    'among equal answers the shortest prompt is retracted',
    PREEMPTING,
    '? prompt > longest',
    '? prompt < longest',
  ],
  [
    'swapped tokens are computed again',
    POLICIES,
    'const computed = Math.max(cached, swapped)',
    'const computed = cached',
  ],
  [
    'the way back from host memory is free',
    POLICIES,
    '+ (computed - cached) * this.swapMsPerToken[backend]!',
    '+ 0',
  ],
  [
    'a chunk that is swapped out is lost',
    PREEMPTING,
    'this.swapOut(backend, request, this.state.computedTokens[request]!)',
    'this.swapOut(backend, request, 0)',
  ],
  [
    'swapped tokens go along to another backend',
    POLICIES,
    '    progress.swappedTokens[request] = 0\n',
    '',
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
    'blocks += this.lacking(backend, request, held)',
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
  [
    'prompts do not attend to what is computed before',
    PLANS,
    'tokens * computed + (tokens * (tokens + 1)) / 2',
    '(tokens * (tokens + 1)) / 2',
  ],
  [
    'an urgent arrival does not end a stretch',
    POLICIES,
    'if (this.queues.peek(backend) !== head || this.adapters.has(backend))',
    'if (this.adapters.has(backend))',
  ],
  [
    'an order that changes with time is stretched',
    POLICIES,
    'this.isArranged[backend] === 1 ||',
    'false ||',
  ],
  ['the order is made once and for all', POLICIES, '    queues.arrange(backend)\n', ''],
  [
    'the urgent lose their blocks first',
    PREEMPTING,
    'return difference > 0 ||',
    'return difference < 0 ||',
  ],
  [
    'a block taken for this step is lost with its request',
    PREEMPTING,
    'if (hasGrown(last)) this.kv.giveBack(backend, 1)',
    '',
  ],
  [
    'who loses blocks keeps a place in the step',
    PREEMPTING,
    'if (hasLost) this.replan(backend)\n    planPrefill',
    'planPrefill',
  ],
  ['ranks in lockstep are stretched', POLICIES, 'isLockstep(this.specs[backend]!) ||', 'false ||'],
  [
    'a request that is called off leaves amid its step',
    CANCELLING,
    'if (this.state.endMs[backend] !== IDLE) {',
    'if (false) {',
  ],
  [
    'a stretch goes on after one of its requests is called off',
    CANCELLING,
    '        this.cut(backend)\n',
    '',
  ],
  [
    'one called off in a queue still counts as waiting',
    CANCELLING,
    'this.waiting[backend] = this.waiting[backend]! - 1',
    'this.waiting[backend] = this.waiting[backend]!',
  ],
  [
    'a failed backend loses the steps of the stretch that were over',
    CANCELLING,
    'else if (over > 0) {',
    'else if (over < 0) {',
  ],
  [
    'what was to resume is remembered after a failure',
    CANCELLING,
    '    this.resumed[backend]!.length = 0\n',
    '',
  ],
  ['reservations outlive a failure', CANCELLING, '    this.reservations.clear(backend)\n', ''],
  [
    'the prompt of one called off stays pending',
    CANCELLING,
    'if (progress.emittedTokens[request]! > 0 || progress.prefillBackend[request] !== backend) return',
    'if (progress.emittedTokens[request]! >= 0) return',
  ],
  [
    'a slow backend is slow only after its stretch',
    CANCELLING,
    'if (state.endMs[backend] === IDLE || state.batches[backend]!.steps === 1) return',
    'if (state.endMs[backend] !== IDLE) return',
  ],
  [
    'an answer that has begun is sent again',
    LOST,
    'if (hasAnswered || progress.attempts[request]! >= retries.attempts) {',
    'if (progress.attempts[request]! >= retries.attempts) {',
  ],
  [
    'a request is sent again once too often',
    LOST,
    'progress.attempts[request]! >= retries.attempts',
    'progress.attempts[request]! > retries.attempts',
  ],
  [
    'a request is sent again without a pause',
    LOST,
    'loop.schedule(clock.nowMs + retries.backoffMs,',
    'loop.schedule(clock.nowMs,',
  ],
  [
    'what failed had done its part, and the request is lost all the same',
    LOST,
    "return cause === 'timeout' && this.leave(request, decode, cause) ? decode : NONE",
    'return this.leave(request, decode, cause) ? decode : NONE',
  ],
  [
    'a prompt that nobody will fetch keeps its blocks',
    LOST,
    '      if (!isGone(prefill)) this.letGo(request, prefill)\n      return decode\n    }\n    if (isGone(decode)) return decode',
    '      return decode\n    }\n    if (isGone(decode)) return decode',
  ],
  ['one that leaves is handed over', LOST, 'if (leaving === undefined) return true', 'return true'],
  ['a backend that failed keeps its cache', LIFE, '        machinery.caches!.clear(rank)\n', ''],
  [
    'a recovery from a drain looks like a restart',
    LIFE,
    "return before?.kind === 'fail'",
    'return before !== undefined',
  ],
  [
    'routers see an event at once',
    LIFE,
    'if (healthDelayMs === 0) this.show(i)',
    'if (healthDelayMs >= 0) this.show(i)',
  ],
  [
    'one that is to join is seen before',
    LIFE,
    '      desk.setListed(backend, false)\n    }\n',
    '    }\n',
  ],
  [
    'a request that has ended times out',
    TIMEOUTS,
    'if (isSame && machinery.progress.outcome[request] === OUTCOME.unfinished)',
    'if (isSame)',
  ],
  [
    'a row is found with what its request before left in the cache',
    INDEX,
    '    this.disown(request)\n',
    '',
  ],
  [
    'loaded blocks do not end a stretch',
    LOADING,
    'if (isUnderWay && this.loads.loaded[backend]!.length > 0) this.endWithPresentStep(backend)',
    'if (isUnderWay && this.loads.loaded[backend]!.length > 99) this.endWithPresentStep(backend)',
  ],
  [
    'a load sets nothing aside',
    LOADING,
    '    reservations.fetching(backend, request, known)\n',
    '',
  ],
  ['what is loaded is not read', LOADING, '    loads.read(backend, request, cached, found)\n', ''],
  [
    'a request that loads no longer waits',
    LOADING,
    '    this.waiting[backend] = this.waiting[backend]! + 1\n',
    '',
  ],
  [
    'loaded blocks are not committed',
    LOADING,
    '    this.kv.commit(backend, request, this.context.progress.computedTokens[request]!)\n',
    '',
  ],
  [
    'evicted blocks get the name of the one before',
    TIERS,
    'base + x[e + RESIDENT]! - i)',
    'base + x[e + RESIDENT]! - i - 1)',
  ],
  [
    'blocks without a name take no room',
    TIERS,
    'for (let i = 1; i <= count; i++)',
    'for (let i = 1; i <= (node < 0 ? 0 : count); i++)',
  ],
  [
    'a preempted request keeps its adapter in use',
    ADAPTERS,
    '    this.adapters.leave(backend, request)\n    this.adapters.wait(backend, request)',
    '    this.adapters.wait(backend, request)',
  ],
  [
    'a step does not wait for adapters',
    ADAPTERS,
    'this.swapMs[backend]! + this.adapters.join(backend, request)',
    'this.swapMs[backend]! + 0 * this.adapters.join(backend, request)',
  ],
  [
    'requests run without a slot for their adapter',
    ADAPTERS,
    'return this.adapters.hasRoom(backend, request)',
    'return this.adapters.hasRoom(backend, request) || true',
  ],
  [
    'who comes behind one that is passed over waits for the end of a stretch',
    POLICIES,
    'if (this.queues.peek(backend) !== head || this.adapters.has(backend))',
    'if (this.queues.peek(backend) !== head)',
  ],
  [
    'steps that end together end in the order of their last bits',
    LOOP,
    'ringing[at - 1]! > agent',
    'ringing[at - 1]! < -agent',
  ],
  [
    'events of one instant come in the order of their last bits',
    LOOP,
    'if (events.earliestMs > endMs) return subject',
    'return subject',
  ],
  [
    'backends of one instant form their batches in the order in which they were touched',
    LOOP,
    'settling[at - 1]! > agent',
    'settling[at - 1]! < -agent',
  ],
  [
    'who waits for a KV cache on its way counts as stuck',
    DEADLOCKS,
    'if (isTransferring[request] === 1) {',
    'if (isTransferring[request] === 2) {',
  ],
  [
    'the oldest of those who wait for each other is computed anew',
    DEADLOCKS,
    'machinery.ordinalOf(request) > machinery.ordinalOf(newest)',
    'machinery.ordinalOf(request) < machinery.ordinalOf(newest)',
  ],
  [
    'steps of others that end in this instant are over too soon',
    FAST,
    'backend > time[1]! ? Number.NaN : time[0]!',
    'time[0]!',
  ],
  [
    'who ends sees what those after it have computed',
    FAST,
    'request < 0 ? MOST_INT : state.admission[request]!',
    'MOST_INT',
  ],
  [
    'answers that later prompts repeat are committed at the end of a stretch only for those that end',
    FAST,
    'if (state.admission[request]! >= admission) continue',
    'if (state.admission[request]! < admission) continue',
  ],
  [
    'a sample sees a step of this instant as under way',
    FAST,
    'allocateSteps(state, backend, Math.min(over + 1, state.batches[backend]!.steps))',
    'allocateSteps(state, backend, over)',
  ],
  [
    'a sample sees no growth within a stretch',
    SAMPLER,
    'for (let id = 0; id < specs.length; id++) fleet.syncSettled(id)',
    '',
  ],
  [
    'a backend receives several KV caches at a time',
    TRANSFERS,
    'this.isSending[from] === 0 && this.received[to] === NONE',
    'this.isSending[from] === 0',
  ],
  [
    'a backend sends several KV caches at a time',
    TRANSFERS,
    'this.isSending[from] === 0 && this.received[to] === NONE',
    'this.received[to] === NONE',
  ],
  [
    'what waits for a link waits for ever',
    TRANSFERS,
    '      if (!this.areFree(from, to)) return true\n',
    '      return true\n',
  ],
  [
    'what waited last goes first',
    TRANSFERS,
    'else this.waiting.push({ request, durationMs })',
    'else this.waiting.unshift({ request, durationMs })',
  ],
  [
    'a transfer that is called off keeps its ends',
    TRANSFERS,
    '      if (this.isExclusive) this.release(request)\n      return true',
    '      return true',
  ],
  [
    'layers go ahead over a link that is busy',
    TRANSFERS,
    '      if (!this.areFree(from, to)) return\n',
    '',
  ],
  [
    'layers go ahead before the link was free',
    TRANSFERS,
    'fromMs = Math.max(fromMs, sentUntilMs[from]!, receivedUntilMs[to]!)',
    'fromMs = Math.max(fromMs, receivedUntilMs[to]!)',
  ],
  [
    'the last layer goes ahead as well',
    TRANSFERS,
    'Math.max(bytesMs / handOver.layersOf(rank), bytesMs - goneMs)',
    'Math.max(0, bytesMs - goneMs)',
  ],
  [
    'a computed prompt is handed over at once when the router is to be asked',
    DISPATCHER,
    'if (this.machinery.progress.awaitsDecode(request)) this.goOn(request, decision)',
    "if (this.machinery.progress.awaitsDecode(request) && decision?.kind === 'hold') this.goOn(request, decision)",
  ],
  [
    'what is refused at the hand-over keeps its blocks',
    DISPATCHER,
    '    machinery.fleet.releaseHandedOver(prefill, request)\n    machinery.touch(prefill)\n    desk.finished',
    '    desk.finished',
  ],
  [
    'a transfer frees nothing where the prompt was computed',
    DISPATCHER,
    '    fleet.releaseHandedOver(prefill, request)\n    fleet.transferCompleted(decode, request)',
    '    fleet.transferCompleted(decode, request)',
  ],
  [
    'a request that waits for several comes with the first',
    FOLLOW_UPS,
    '--this.open[row]! === 0',
    '--this.open[row]! >= 0',
  ],
  [
    'one that was given up is given up again',
    FOLLOW_UPS,
    'this.isGone?.[row] === 1 || this.goesOn(row)',
    'this.goesOn(row)',
  ],
  [
    'a request waits for one less than it says',
    FOLLOW_UPS,
    'for (const row of joinRow) this.open[row]!++',
    'for (const row of joinRow) if (row < 0) this.open[row]!++',
  ],
  [
    'who held a row before is asked about in its place',
    HELD,
    'this.has(request) && tickets.ordinalOf(request) === ticket',
    'this.has(request)',
  ],
  [
    'a request that was held longer is asked about too soon',
    HELD,
    'if (isHeld && this.untilMs[request]! > nowMs) return -1',
    '',
  ],
  [
    'context that two share is read twice',
    READS,
    'if (Math.max(before, before + by) < SEVERAL) continue',
    'if (Math.max(before, before + by) <= SEVERAL) continue',
  ],
  [
    'what the last reader leaves is still shared',
    READS,
    'if (before + by === 0) readers.delete(node)\n      else readers.set(node, before + by)',
    'readers.set(node, Math.max(1, before + by))',
  ],
  [
    'parts of blocks are shared',
    READS,
    'wholeBlocks(endTokens[node]!, blockTokens) - wholeBlocks(start, blockTokens)',
    'endTokens[node]! - start',
  ],
  [
    'a prompt that ends amid a run shares all of it',
    READS,
    'prompts.endTokens[node]! > promptTokens[request]!',
    'false',
  ],
  [
    'decodes that wait for a prompt share its step',
    PLANS,
    '  batch.decodeRequests = 0\n  batch.decodeTokens = 0\n  batch.decodeSharedTokens = 0',
    '  batch.decodeRequests = 0\n  batch.decodeTokens = 0',
  ],
  [
    'a step of several that ends as its request is called off goes on',
    CANCELLING,
    'this.endIfStepIsOver(backend)',
    '',
  ],
  [
    'a scheduler looks before every step',
    MAIL,
    'if (isBusy && this.stepsLeft(backend) > 0) return NOBODY',
    '',
  ],
  [
    'a scheduler does not look after a prompt',
    MAIL,
    'prompts > 0 ? this.pollSteps[backend]! : this.steps[backend]! + steps',
    'this.steps[backend]! + steps',
  ],
  ['who was moved away stays in the mail', MAIL, 'if (at >= 0) box.splice(at, 1)', ''],
  [
    'a stretch goes on when the scheduler would look',
    POLICIES,
    'batch.steps <= steps) return',
    'true) return',
  ],
  [
    'a prompt under way is a decode',
    FLEET_BATCHES,
    'return this.state.batches[backend]!.decodes > 0 || this.arrived[backend]!.length > 0',
    'return this.running[backend]! > 0',
  ],
  [
    'prompts from lower tiers do not count as waiting',
    LOADING,
    'return this.loads.loaded[backend]!.length > 0 || super.hasPrompts(backend)',
    'return super.hasPrompts(backend)',
  ],
  [
    'what was computed elsewhere is held back',
    POLICIES,
    'if (holdsPrompts[backend] === 1 && progress.isHandedOver[request] === 0) return false',
    'if (holdsPrompts[backend] === 1) return false',
  ],
  ['steps of waiting outlive a failure', LIFE, 'machinery.promptsTogether?.clear(from)', ''],
  [
    'a chunk that loses its blocks leaves the step as it was',
    PREEMPTING,
    'if (hasLost) this.replan(backend)\n        return true',
    'return true',
  ],
  [
    'native: a stretch runs one step past a finish',
    N_BATCHES,
    'entryAt(batch.firstPlace, 0).step - batch.counter',
    'entryAt(batch.firstPlace, 0).step - batch.counter + 1',
  ],
  [
    'native: who finishes first among equals',
    N_BATCHES,
    'order < other.admission',
    'order > other.admission',
  ],
  [
    'native: residues of block growth',
    N_BATCHES,
    'difference < 0 ? difference + blockTokens',
    'difference <= 0 ? difference + blockTokens',
  ],
  [
    'native: blocks of answers are not committed',
    N_BATCHES,
    'if (admission[request] >= before) continue',
    'if (admission[request] >= 0) continue',
  ],
  [
    'native: the oldest is preempted',
    N_BATCHES,
    'entryAt(first, i).admission > entryAt(first, newest).admission',
    'entryAt(first, i).admission < entryAt(first, newest).admission',
  ],
  [
    'native: an arrival does not end a stretch',
    N_FLEET,
    'if (!mayAdmit && listAt(arrived, backend).size === 0) return',
    'if (listAt(arrived, backend).size === 0) return',
  ],
  [
    'native: an arrived KV cache does not end a stretch',
    N_FLEET,
    'if (!mayAdmit && listAt(arrived, backend).size === 0) return',
    'if (!mayAdmit) return',
  ],
  [
    'native: a step that preempts admits',
    N_FLEET,
    'if (!hasPreempted && !hasStalled) admitWaiting(backend, batch)',
    'if (!hasStalled) admitWaiting(backend, batch)',
  ],
  [
    'native: the last prompt token is cached',
    N_FLEET,
    'matchOn(backend, request, known - 1)',
    'matchOn(backend, request, known)',
  ],
  [
    'native: chunks go on where others were ahead',
    N_FLEET,
    'if (matchOn(backend, request, known) > computed) return 1',
    'if (matchOn(backend, request, known) > known) return 1',
  ],
  [
    'native: gaps of joined requests count twice',
    N_FLEET,
    'if (batch.guests > 0) measured -= keepResumed(backend, batch)',
    'if (batch.guests > 0) keepResumed(backend, batch)',
  ],
  [
    'native: what a stretch evicts is still found',
    N_FLEET,
    'const count = evicting.size === 0 ? 0 : holdersAmong(request, evicting, holders)',
    'const count = 0',
  ],
  [
    'native: chunks are not found before they end',
    N_FLEET,
    '    if (nowMs >= newsMs[backend]) sync(backend)\n  }\n  // What',
    '    if (nowMs > 1e300) sync(backend)\n  }\n  // What',
  ],
  [
    'native: the step under way is one late',
    N_STRETCHES,
    'while (k > 1 && !isEarlier(endAfter(batch, k - 1), nowMs)) k--',
    'while (k > 2 && !isEarlier(endAfter(batch, k - 1), nowMs)) k--',
  ],
  [
    'native: a stretch runs one block past the last',
    N_STRETCHES,
    'if (neededAfterFirst(batch, most) <= there) return most',
    'if (neededAfterFirst(batch, most) <= there + 1) return most',
  ],
  [
    'native: steps that end together are over in any order',
    N_STRETCHES,
    'isUnderWay || <f64>backend > time[1] ? underWay - 1 : underWay',
    'isUnderWay ? underWay - 1 : underWay',
  ],
  [
    'native: duplicates are not given back',
    N_KV,
    'if (duplicates > 0) freeBlocks',
    'if (duplicates > 1) freeBlocks',
  ],
  [
    'native: revived blocks are counted as free',
    N_KV,
    'if (cached > 0 && blocks - cached > there - evictableAmong(backend, request, cached)) return false',
    'if (cached > 0 && blocks - cached > there) return false',
  ],
  [
    'native: a preempted request does not find its own blocks',
    N_KV,
    'if (mayReturn && h.own === null) keepOwn(h)',
    'if (mayReturn && h.own !== null) keepOwn(h)',
  ],
  [
    'native: others that hold part of an extent lose it',
    N_KV,
    'if (h.held === e) depth = max(depth, h.pins)',
    'if (h.held === e) depth = max(depth, e.start)',
  ],
  [
    'native: the newest is evicted',
    N_LRU,
    'const s = ringOf(backend).newer',
    'const s = ringOf(backend).older',
  ],
  [
    'native: a run that is revived in part keeps its beginning',
    N_LRU,
    '    s.from = depth\n',
    '    s.from = s.from\n',
  ],
  [
    'native: rows are never given up',
    N_INDEX,
    'if (2 * count > wideFrom) return',
    'if (2 * count > 0) return',
  ],
  [
    'native: a row is not filled',
    N_INDEX,
    'setRow(wide, other.backend, <i32>changetype<usize>(other), other.resident)',
    'setRow(wide, other.backend, <i32>changetype<usize>(other), 0)',
  ],
  [
    'native: matches are not cut at the prompt',
    N_INDEX,
    'if (blocks > 0) out[b] = min(blocks, limit) * blockTokens',
    'if (blocks > 0) out[b] = blocks * blockTokens',
  ],
  [
    'native: alarms of one instant go off by time',
    N_LOOP,
    'ringing[at - 1] > backend; at--',
    'ringing[at - 1] > 1000000; at--',
  ],
  [
    'native: an entry comes before the alarms of its instant',
    N_LOOP,
    'instantEnd(alarmMs) < othersMs && isEarliestAlone()',
    'instantEnd(alarmMs) < othersMs + 1 && isEarliestAlone()',
  ],
  [
    'native: equal ranks go last come first',
    N_RANKS,
    'rank < other.rank : turn < other.turn',
    'rank < other.rank : turn > other.turn',
  ],
  [
    'native: who comes back to a queue by rank counts as the latest',
    N_RANKS,
    'const turn = isFirst ? heap.earliest : heap.latest',
    'const turn = heap.latest',
  ],
  [
    'native: a heap of ranks sinks below the larger child',
    N_RANKS,
    'if (isBefore(other.rank, other.turn, entryAt(heap, child))) child++',
    'if (!isBefore(other.rank, other.turn, entryAt(heap, child))) child++',
  ],
  [
    'native: a queue whose front changes stays blocked',
    N_FLEET,
    'if (peek(backend) !== front) batchOf(backend).isBlocked = false',
    'if (peek(backend) === -1) batchOf(backend).isBlocked = false',
  ],
]
