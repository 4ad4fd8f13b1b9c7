import { grown } from '../pickers/column.js'

/**
 * Tokens that this router has under way on each backend, by its own account: added when a request is sent,
 * released at its first token or its end. Requests are the dense row numbers of their views; a row holds one
 * amount at a time.
 *
 * All operations are O(1), without allocation once grown.
 */
export class InFlightTokens {
  /** Tokens under way, by backend id. */
  tokens: Float64Array = new Float64Array(0)
  /** Requests under way, by backend id. */
  requests: Int32Array = new Int32Array(0)
  private amounts = new Float64Array(0)
  private backends = new Int32Array(0)

  /** Makes room for a fleet, so that the columns can be scanned before the first request. */
  reserve(size: number): void {
    if (this.tokens.length >= size) return
    this.tokens = grown(this.tokens, new Float64Array(size))
    this.requests = grown(this.requests, new Int32Array(size))
  }

  /** A request was sent to a backend; what it had elsewhere is released. */
  add(request: number, backend: number, tokens: number): void {
    this.release(request)
    this.reserve(backend + 1)
    if (request >= this.amounts.length) {
      const size = Math.max(1024, 2 * (request + 1))
      this.amounts = grown(this.amounts, new Float64Array(size))
      this.backends = grown(this.backends, new Int32Array(size).fill(-1))
    }
    this.amounts[request] = tokens
    this.backends[request] = backend
    this.tokens[backend] = this.tokens[backend]! + tokens
    this.requests[backend] = this.requests[backend]! + 1
  }

  /** A request is no longer under way; nothing happens when it was not. */
  release(request: number): void {
    const backend = this.backends[request] ?? -1
    if (backend === -1) return
    this.tokens[backend] = this.tokens[backend]! - this.amounts[request]!
    this.requests[backend] = this.requests[backend]! - 1
    this.backends[request] = -1
  }
}
