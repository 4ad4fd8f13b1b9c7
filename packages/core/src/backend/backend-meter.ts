/** Running totals of one backend, from which the measured part of a run is cut. */
export class BackendMeter {
  busyMs = 0
  steps = 0
  prefillTokens = 0
  decodeTokens = 0
  preemptions = 0
  waitingRequestMs = 0
  runningRequestMs = 0
  private sinceMs = 0

  /** Accounts for the time since the last call, during which the two numbers stood as given. */
  advance(nowMs: number, waiting: number, running: number): void {
    const elapsedMs = nowMs - this.sinceMs
    if (elapsedMs > 0) {
      this.waitingRequestMs += waiting * elapsedMs
      this.runningRequestMs += running * elapsedMs
      this.sinceMs = nowMs
    }
  }
}
