import { completeStep, handsOver, interrupt, startStep } from './fleet'
import { enter, eventDue, idles, refuseAlarm } from './host'
import { Bytes, Floats, Ints, takeBytes, takeFloats, takeInts } from './memory'
import { backends, endMs, time } from './state'
import { instantEnd } from './stretches'

const NONE = -1

/*
 * Virtual time, as `EventLoop` describes it. Scheduled events are the host's: it says when the next of them is
 * due. One alarm per backend stands in a tournament tree, ties going to the lowest number.
 */

let leaves: i32
let times: Floats = changetype<Floats>(0)
let winners: Ints = changetype<Ints>(0)
/** When the next scheduled event is due, and when the next entry comes; Infinity for none. */
export let nextMs: Floats = changetype<Floats>(0)
/** Events of the instant that goes on which the host has still to give. */
export let dueEvents: Ints = changetype<Ints>(0)
/** When entries come, in order. */
export let entryMs: Floats = changetype<Floats>(0)
let entries: i32
let nextEntry: i32
/** Who is to settle, lowest first: from one of these places up to another. */
let settling: Ints = changetype<Ints>(0)
let settlingFrom: i32
let settlingEnd: i32
let isSettling: Bytes = changetype<Bytes>(0)
let ringing: Ints = changetype<Ints>(0)
/** The backend whose alarm has gone off and still stands, -1 for none. */
let standing: i32 = NONE

export function beginLoop(entryCount: i32): void {
  leaves = 1
  while (leaves < backends) leaves *= 2
  times = takeFloats(2 * leaves)
  winners = takeInts(2 * leaves)
  for (let i = 0; i < 2 * leaves; i++) times[i] = Infinity
  for (let i = 0; i < leaves; i++) winners[leaves + i] = i
  for (let i = leaves - 1; i >= 1; i--) winners[i] = winners[2 * i]
  nextMs = takeFloats(2)
  nextMs[0] = Infinity
  dueEvents = takeInts(2)
  entryMs = takeFloats(entryCount)
  entries = entryCount
  settling = takeInts(backends)
  isSettling = takeBytes(backends)
  ringing = takeInts(backends)
}

/** Moves on to an entry, or to none. */
export function awaitEntry(entry: i32): void {
  nextEntry = entry
  nextMs[1] = entry < entries ? entryMs[entry] : Infinity
}

/** When the next thing is due, Infinity when nothing is. */
export function earliestMs(): f64 {
  return min(times[1], min(nextMs[0], nextMs[1]))
}

/** Whether anything but scheduled events is to come. */
export function isMoving(): bool {
  return min(times[1], nextMs[1]) < Infinity || settlingEnd > 0
}

/** Finds the winners above a backend's leaf anew. */
function play(backend: i32, timeMs: f64): void {
  let at = leaves + backend
  times[at] = timeMs
  for (at >>= 1; at >= 1; at >>= 1) {
    const left = at << 1
    const winner = left + <i32>(times[left + 1] < times[left])
    times[at] = times[winner]
    winners[at] = winners[winner]
  }
}

/** True when no other alarm belongs to the instant that begins with the earliest. */
function isEarliestAlone(): bool {
  const end = instantEnd(times[1])
  for (let at = leaves + winners[1]; at > 1; at >>= 1) if (times[at ^ 1] <= end) return false
  return true
}

/** The end of a backend's stretch has changed. */
export function alarmChanged(backend: i32): void {
  if (!(endMs[backend] >= time[0])) refuseAlarm(backend)
  if (standing === backend) standing = NONE
  play(backend, endMs[backend])
}

/** Forgets a backend's alarm. */
export function alarmCleared(backend: i32): void {
  endMs[backend] = Infinity
  play(backend, Infinity)
}

/** Lets a backend settle at the end of this instant, once. */
export function settleLater(backend: i32): void {
  if (isSettling[backend]) return
  isSettling[backend] = 1
  if (settlingEnd === backends) {
    memory.copy(
      changetype<usize>(settling),
      changetype<usize>(settling) + ((<usize>settlingFrom) << 2),
      (<usize>(settlingEnd - settlingFrom)) << 2,
    )
    settlingEnd -= settlingFrom
    settlingFrom = 0
  }
  let at = settlingEnd++
  for (; at > settlingFrom && settling[at - 1] > backend; at--) settling[at] = settling[at - 1]
  settling[at] = backend
}

/** Lets a backend schedule at the end of this instant, or after the step that is under way. */
export function touch(backend: i32): void {
  const dueMs = endMs[backend]
  if (dueMs === Infinity) {
    settleLater(backend)
    return
  }
  interrupt(backend)
  if (endMs[backend] < dueMs) alarmChanged(backend)
}

/**
 * Handles at least `most` things if there are as many, none of an instant that begins after `untilMs`, and ends
 * between two instants.
 * @returns true when nothing is left
 */
export function run(most: i32, untilMs: f64): bool {
  for (let handled = 0; handled < most; ) {
    const alarmMs = times[1]
    const othersMs = min(nextMs[0], nextMs[1])
    if (alarmMs > untilMs && othersMs > untilMs && settlingEnd === 0) break
    if (instantEnd(alarmMs) < othersMs && isEarliestAlone()) {
      if (alarmMs > time[0]) time[0] = alarmMs
      handled += ringOne(winners[1])
      continue
    }
    const timeMs = min(alarmMs, othersMs)
    if (timeMs === Infinity && settlingEnd === 0) return true
    if (timeMs > time[0] && timeMs < Infinity) time[0] = timeMs
    handled += handleDue() + settle()
  }
  return earliestMs() === Infinity
}

function ring(backend: i32): void {
  time[1] = <f64>backend
  completeStep(backend)
  settleLater(backend)
  time[1] = Infinity
}

/**
 * The usual case, in which one alarm is all that is due. Backends mostly set the next alarm right away, so the old
 * one is taken away only when they did not: half the work.
 */
function ringOne(backend: i32): i32 {
  standing = backend
  ring(backend)
  const end = instantEnd(time[0])
  const isAlone = nextMs[0] > end && isEarliestAlone()
  if (!isAlone) clearAlarm(backend)
  const handled = isAlone ? 0 : handleDue()
  const settled = settle()
  clearAlarm(backend)
  return 1 + handled + settled
}

function clearAlarm(backend: i32): void {
  if (standing !== backend) return
  standing = NONE
  play(backend, Infinity)
}

/** Everything due in the instant that begins now, but the settling. */
function handleDue(): i32 {
  const end = instantEnd(time[0])
  let handled = 0
  for (; times[1] <= end || nextMs[0] <= end || dueEvents[0] > 0 || nextMs[1] <= end; handled++) {
    if (times[1] <= end) handled += ringAlarms(end)
    else if (nextMs[0] <= end || dueEvents[0] > 0) eventDue(end)
    else {
      const entry = nextEntry
      if (nextMs[1] > time[0]) time[0] = nextMs[1]
      awaitEntry(entry + 1)
      enter(entry)
    }
  }
  return handled
}

/** Alarms of one instant go off in order of backends, whatever their last bits say. */
function ringAlarms(end: f64): i32 {
  let count = 0
  while (times[1] <= end) {
    if (times[1] > time[0]) time[0] = times[1]
    const backend = winners[1]
    play(backend, Infinity)
    let at = count++
    for (; at > 0 && ringing[at - 1] > backend; at--) ringing[at] = ringing[at - 1]
    ringing[at] = backend
  }
  for (let i = 0; i < count; i++) ring(ringing[i])
  return count
}

function settle(): i32 {
  let settled = 0
  for (; settlingFrom < settlingEnd; settled++) {
    const backend = settling[settlingFrom++]
    isSettling[backend] = 0
    startStep(backend)
    if (endMs[backend] < Infinity) alarmChanged(backend)
    else if (handsOver) idles(backend)
  }
  settlingFrom = 0
  settlingEnd = 0
  return settled
}
