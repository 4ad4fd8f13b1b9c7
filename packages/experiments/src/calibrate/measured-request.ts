/** What was measured of one request of one backend. */
export interface MeasuredRequest {
  /** When it was sent, in ms from any origin. */
  readonly sentMs: number
  readonly promptTokens: number
  readonly outputTokens: number
  /** Prompt tokens found in the prefix cache; 0 when not known. */
  readonly cachedTokens: number
  /** From sending to the first token. */
  readonly ttftMs: number
  /** From sending to the last token. */
  readonly e2eMs: number
}
