import type { BackendSpec } from '../engine/simulation-options.js'

const NOBODY: readonly number[] = []

/** Whether the scheduler of a backend does not look for new requests before every step. */
export function isPolling({ pollSteps = 1 }: BackendSpec): boolean {
  return pollSteps > 1
}

/**
 * Requests that are through the front end, and for which the scheduler of their backend has not looked yet: it looks
 * after a step with a prompt, after so many of decodes alone, and when there is nothing to compute, as SGLang does with
 * `--scheduler-recv-interval` (`SchedulerRecvSkipper`, default weights).
 */
export class Mailboxes {
  private readonly pollSteps: Int32Array
  /** Decode steps since it looked. */
  private readonly steps: Int32Array
  private readonly boxes: readonly number[][]

  constructor(specs: readonly BackendSpec[]) {
    this.pollSteps = Int32Array.from(specs, ({ pollSteps = 1 }) => pollSteps)
    this.steps = new Int32Array(specs.length)
    this.boxes = specs.map(() => [])
  }

  polls(backend: number): boolean {
    return this.pollSteps[backend]! > 1
  }

  /** @returns false when the request can join the queue at once */
  put(backend: number, request: number): boolean {
    if (!this.polls(backend)) return false
    this.boxes[backend]!.push(request)
    return true
  }

  /** @returns false when the request is not there */
  remove(backend: number, request: number): boolean {
    const box = this.boxes[backend]!
    const at = box.indexOf(request)
    if (at >= 0) box.splice(at, 1)
    return at >= 0
  }

  clear(backend: number): void {
    this.boxes[backend]!.length = 0
    this.steps[backend] = 0
  }

  /**
   * Who joins the queue before a step, in order of arrival.
   * @param isBusy - whether requests of the batch have something to compute
   */
  collect(backend: number, isBusy: boolean): readonly number[] {
    if (isBusy && this.stepsLeft(backend) > 0) return NOBODY
    this.steps[backend] = 0
    return this.boxes[backend]!.splice(0)
  }

  /** @param prompts - in the last of these steps */
  completed(backend: number, steps: number, prompts: number): void {
    if (!this.polls(backend)) return
    this.steps[backend] = prompts > 0 ? this.pollSteps[backend]! : this.steps[backend]! + steps
  }

  /** Steps of decodes alone until it looks again. */
  stepsLeft(backend: number): number {
    return this.pollSteps[backend]! - this.steps[backend]!
  }
}
