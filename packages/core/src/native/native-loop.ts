import { RouteSimError } from '../errors/routesim-error.js'
import { Clock } from '../kernel/clock.js'
import type { EventHandler, EventLoop } from '../kernel/event-loop.js'
import { EventQueue } from '../kernel/event-queue.js'
import type { NativeMemory } from './native-columns.js'
import type { NativeExports } from './native-module.js'

const EARLIEST = 0
/** Things handled in one call. */
const SLICE = 1000

/** What can be asked of an event loop, whoever keeps its alarms. */
export type AnyEventLoop = Pick<EventLoop, keyof EventLoop>

/** The event loop of the native engine: alarms and entries are its own, scheduled events stand here. */
export class NativeLoop implements AnyEventLoop {
  readonly clock: Clock
  readonly alarmMs: Float64Array
  private readonly engine: NativeExports
  private readonly events = new EventQueue()
  private readonly due = new EventQueue()
  /** When the first of the events is due, and how many are due now: what the engine knows of them. */
  private readonly nextMs: Float64Array
  private readonly dueCount: Int32Array
  private handler: EventHandler | undefined

  constructor(engine: NativeExports, memory: NativeMemory, backends: number) {
    this.engine = engine
    this.clock = Object.assign(new Clock(), { time: memory.floats('time', 2) })
    this.alarmMs = memory.floats('endMs', backends)
    this.nextMs = memory.floats('nextMs', 2)
    this.dueCount = memory.ints('dueEvents', 1)
  }

  get pendingEvents(): number {
    return this.events.size + this.due.size
  }

  get isMoving(): boolean {
    return this.engine.isMoving() !== 0
  }

  get earliestMs(): number {
    return this.engine.earliestMs()
  }

  alarmChanged(agent: number): void {
    this.engine.alarmChanged(agent)
  }

  alarmCleared(agent: number): void {
    this.engine.alarmCleared(agent)
  }

  restartEntries(): void {}

  schedule(timeMs: number, subject: number): void {
    if (!(timeMs >= this.clock.nowMs)) throw this.inThePast(timeMs)
    this.events.push(timeMs, subject)
    this.nextMs[EARLIEST] = this.events.earliestMs
  }

  cancel(subject: number): boolean {
    const isCancelled = this.due.remove(subject) || this.events.remove(subject)
    this.tellEngine()
    return isCancelled
  }

  settleLater(agent: number): void {
    this.engine.settleLater(agent)
  }

  run(handler: EventHandler, most: number, untilMs: number = Number.POSITIVE_INFINITY): boolean {
    this.handler = handler
    // In slices: V8 compiles well what is called often, and not what goes on for long.
    for (let left = most; left > SLICE; left -= SLICE)
      if (this.engine.run(SLICE, untilMs) !== 0) return true
      else if (!(this.engine.earliestMs() <= untilMs)) return false
    return this.engine.run(Math.min(most, SLICE), untilMs) !== 0
  }

  /** The next entry comes. */
  enter(entry: number): void {
    this.handler!.enter(entry)
  }

  /** An event is due. Those of one instant come in order of subjects, whatever their last bits say. */
  eventDue(endMs: number): void {
    const { clock, events, due } = this
    if (due.size === 0) {
      clock.reach(events.earliestMs)
      const subject = events.pop()
      if (events.earliestMs > endMs) {
        this.nextMs[EARLIEST] = events.earliestMs
        this.handler!.event(subject)
        return
      }
      due.push(0, subject)
    }
    for (; events.earliestMs <= endMs; due.push(0, events.pop())) clock.reach(events.earliestMs)
    const subject = due.pop()
    this.tellEngine()
    this.handler!.event(subject)
  }

  /** The engine set an alarm for a time that is past or none. */
  refuse(agent: number): never {
    throw this.inThePast(this.alarmMs[agent]!)
  }

  private tellEngine(): void {
    this.nextMs[EARLIEST] = this.events.earliestMs
    this.dueCount[0] = this.due.size
  }

  private inThePast(timeMs: number): RouteSimError {
    const { nowMs } = this.clock
    const message = `event at ${timeMs} ms: expected a time >= now, ${nowMs} ms`
    return new RouteSimError(message, { code: 'time_invalid' })
  }
}
