/**
 * What a router may know of a request: never its true output length. The object is a cursor that
 * the engine moves; copy the fields you want to keep.
 */
export interface RequestView {
  /** Row of the request, counted in order of arrival. */
  readonly id: number
  readonly arrivalMs: number
  readonly promptTokens: number
  /** The output limit that the client declared. */
  readonly maxTokens: number
  /** Leading tokens that the trace declares as shareable, 0 for none. */
  readonly prefixTokens: number
  /** Conversation the request belongs to. */
  readonly session: string | undefined
  readonly user: string | undefined
  readonly tenant: string | undefined
  readonly model: string | undefined
  readonly adapter: string | undefined
  /** Larger is more urgent; 0 is the default. */
  readonly priority: number
  /** Class of service. */
  readonly sloClass?: string | undefined
  /** Time within which the answer should be complete, in ms from the sending. */
  readonly deadlineMs?: number | undefined
}
