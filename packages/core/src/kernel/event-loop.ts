import { RouteSimError } from '../errors/routesim-error.js'
import { Alarms } from './alarms.js'
import { Clock } from './clock.js'
import { EventQueue } from './event-queue.js'
import { instantEnd } from './instant.js'

const NONE = -1

/** Does what is due. Any of its methods may set alarms, schedule events and ask for settling. */
export interface EventHandler {
  /** An agent's alarm went off; it is cleared. */
  alarm(agent: number): void
  /** A scheduled event. */
  event(subject: number): void
  /** The next entry of the sorted column. */
  enter(entry: number): void
  /** An agent may act on what has happened to it in this instant. */
  settle(agent: number): void
}

/**
 * Virtual time. What is due at one instant comes in this order: alarms by agent, scheduled events by
 * subject, all entries in their order, then, by agent, the settling of all that asked for it. What
 * settling schedules for the same instant starts over. Times that differ in their last bits only are one
 * instant. Nothing here reads a wall clock. The number of pending things is about that of agents, not of entries.
 */
export class EventLoop {
  readonly clock: Clock = new Clock()
  private readonly alarms: Alarms
  private readonly events = new EventQueue()
  /** Those of the instant that goes on, all at one time: what their last bits say does not count. */
  private readonly dueEvents = new EventQueue()
  private readonly entryTimes: Float64Array
  private readonly entries: number
  private nextEntry = 0
  /** One number: when the next entry comes, `Infinity` when there is none. */
  private readonly nextEntryMs = new Float64Array(1)
  /** Who is to settle, lowest first: from one of these places up to another. */
  private readonly settling: Int32Array
  private settlingFrom = 0
  private settlingEnd = 0
  private readonly isSettling: Uint8Array
  private readonly ringing: Int32Array
  /** The agent whose alarm has gone off and still stands, -1 for none. */
  private standing = NONE

  /** @param entryTimes - when things enter from outside, in ms, non-decreasing */
  constructor(agents: number, entryTimes: Float64Array) {
    this.alarms = new Alarms(agents)
    this.entryTimes = entryTimes
    this.entries = entryTimes.length
    this.awaitEntry(0)
    this.settling = new Int32Array(agents)
    this.isSettling = new Uint8Array(agents)
    this.ringing = new Int32Array(agents)
  }

  /** The entries are others now, the first of which comes next: who changed their times says so. */
  restartEntries(): void {
    this.awaitEntry(0)
  }

  /**
   * When each agent's alarm is to go off, in ms, `Infinity` for never: agents write here, and
   * {@link alarmChanged} makes it count.
   */
  get alarmMs(): Float64Array {
    return this.alarms.dueMs
  }

  /** Scheduled events that are not due yet. */
  get pendingEvents(): number {
    return this.events.size + this.dueEvents.size
  }

  /** Whether anything but scheduled events is to come: an alarm, an entry, or the settling of an agent. */
  get isMoving(): boolean {
    const earliestMs = Math.min(this.alarms.earliestMs, this.nextEntryMs[0]!)
    return earliestMs < Number.POSITIVE_INFINITY || this.settlingEnd > 0
  }

  /** An agent's entry in {@link alarmMs} has changed. @throws RouteSimError `time_invalid` */
  alarmChanged(agent: number): void {
    const { alarms } = this
    if (!(alarms.dueMs[agent]! >= this.clock.nowMs)) throw this.inThePast(alarms.dueMs[agent]!)
    if (this.standing === agent) this.standing = NONE
    alarms.arm(agent)
  }

  /** Schedules an event. @throws RouteSimError `time_invalid` when the time is past or not a number */
  schedule(timeMs: number, subject: number): void {
    if (!(timeMs >= this.clock.nowMs)) throw this.inThePast(timeMs)
    this.events.push(timeMs, subject)
  }

  /** Forgets an agent's alarm: it is not to go off any more. */
  alarmCleared(agent: number): void {
    this.alarms.dueMs[agent] = Number.POSITIVE_INFINITY
    this.alarms.silence(agent)
  }

  /** Forgets a scheduled event: O(pending). @returns false when there is none with this subject */
  cancel(subject: number): boolean {
    return this.dueEvents.remove(subject) || this.events.remove(subject)
  }

  /** Lets an agent settle at the end of this instant, once. */
  settleLater(agent: number): void {
    const { settling } = this
    if (this.isSettling[agent] === 1) return
    this.isSettling[agent] = 1
    if (this.settlingEnd === settling.length) {
      settling.copyWithin(0, this.settlingFrom)
      this.settlingEnd -= this.settlingFrom
      this.settlingFrom = 0
    }
    let at = this.settlingEnd++
    for (; at > this.settlingFrom && settling[at - 1]! > agent; at--)
      settling[at] = settling[at - 1]!
    settling[at] = agent
  }

  /** When the next thing is due, `Infinity` when nothing is. */
  get earliestMs(): number {
    return Math.min(this.alarms.earliestMs, this.events.earliestMs, this.nextEntryMs[0]!)
  }

  /**
   * Handles at least `most` things if there are as many, none of an instant that begins after
   * `untilMs`, and ends between two instants.
   * @returns true when nothing is left
   */
  run(handler: EventHandler, most: number, untilMs: number = Number.POSITIVE_INFINITY): boolean {
    const { alarms, clock, events } = this
    for (let handled = 0; handled < most; ) {
      const alarmMs = alarms.earliestMs
      const othersMs = Math.min(events.earliestMs, this.nextEntryMs[0]!)
      if (alarmMs > untilMs && othersMs > untilMs && this.settlingEnd === 0) break
      if (instantEnd(alarmMs) < othersMs && alarms.isEarliestAlone()) {
        if (alarmMs > clock.time[0]!) clock.time[0] = alarmMs
        handled += this.ringOne(alarms.earliest, handler)
        continue
      }
      const timeMs = Math.min(alarmMs, othersMs)
      if (timeMs === Number.POSITIVE_INFINITY && this.settlingEnd === 0) return true
      if (timeMs > clock.time[0]! && timeMs < Number.POSITIVE_INFINITY) clock.time[0] = timeMs
      handled += this.handleDue(handler) + this.settle(handler)
    }
    return this.earliestMs === Number.POSITIVE_INFINITY
  }

  /** Moves on to an entry, or to none. */
  private awaitEntry(entry: number): void {
    this.nextEntry = entry
    this.nextEntryMs[0] = entry < this.entries ? this.entryTimes[entry]! : Number.POSITIVE_INFINITY
  }

  /**
   * The usual case, in which one alarm is all that is due. Agents mostly set the next alarm right away, so
   * the old one is taken away only when they did not: half the work.
   */
  private ringOne(agent: number, handler: EventHandler): number {
    const { alarms, clock, events } = this
    this.standing = agent
    clock.time[1] = agent
    handler.alarm(agent)
    clock.time[1] = Number.POSITIVE_INFINITY
    const endMs = instantEnd(clock.nowMs)
    const isAlone = events.earliestMs > endMs && alarms.isEarliestAlone()
    if (!isAlone) this.clearAlarm(agent)
    const handled = isAlone ? 0 : this.handleDue(handler)
    const settled = this.settle(handler)
    this.clearAlarm(agent)
    return 1 + handled + settled
  }

  private clearAlarm(agent: number): void {
    if (this.standing !== agent) return
    this.standing = NONE
    this.alarms.silence(agent)
  }

  /** Everything due in the instant that begins now, but the settling. */
  private handleDue(handler: EventHandler): number {
    const { alarms, clock, events, dueEvents } = this
    const endMs = instantEnd(clock.nowMs)
    for (let handled = 0; ; handled++) {
      if (alarms.earliestMs <= endMs) {
        handled += this.ringAlarms(endMs, handler)
      } else if (events.earliestMs <= endMs || dueEvents.size > 0) {
        handler.event(this.takeEvent(endMs))
      } else if (this.nextEntryMs[0]! <= endMs) {
        const entry = this.nextEntry
        clock.reach(this.nextEntryMs[0]!)
        this.awaitEntry(entry + 1)
        handler.enter(entry)
      } else {
        return handled
      }
    }
  }

  /** Events of one instant come in order of subjects, whatever their last bits say; mostly one is all. */
  private takeEvent(endMs: number): number {
    const { clock, events, dueEvents } = this
    if (dueEvents.size === 0) {
      clock.reach(events.earliestMs)
      const subject = events.pop()
      if (events.earliestMs > endMs) return subject
      dueEvents.push(0, subject)
    }
    for (; events.earliestMs <= endMs; dueEvents.push(0, events.pop()))
      clock.reach(events.earliestMs)
    return dueEvents.pop()
  }

  /** Alarms of one instant go off in order of agents, whatever their last bits say. */
  private ringAlarms(endMs: number, handler: EventHandler): number {
    const { alarms, clock, ringing } = this
    let count = 0
    while (alarms.earliestMs <= endMs) {
      clock.reach(alarms.earliestMs)
      const agent = alarms.earliest
      alarms.silence(agent)
      let at = count++
      for (; at > 0 && ringing[at - 1]! > agent; at--) ringing[at] = ringing[at - 1]!
      ringing[at] = agent
    }
    for (let i = 0; i < count; i++) {
      clock.time[1] = ringing[i]!
      handler.alarm(ringing[i]!)
    }
    clock.time[1] = Number.POSITIVE_INFINITY
    return count
  }

  private settle(handler: EventHandler): number {
    let settled = 0
    for (; this.settlingFrom < this.settlingEnd; settled++) {
      const agent = this.settling[this.settlingFrom++]!
      this.isSettling[agent] = 0
      handler.settle(agent)
    }
    this.settlingFrom = 0
    this.settlingEnd = 0
    return settled
  }

  private inThePast(timeMs: number): RouteSimError {
    const { nowMs } = this.clock
    const message = `event at ${timeMs} ms: expected a time >= now, ${nowMs} ms`
    return new RouteSimError(message, { code: 'time_invalid' })
  }
}
