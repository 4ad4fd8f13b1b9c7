/** How a request ended: each in exactly one way. */
export const REQUEST_ENDS = [
  'completed',
  'client_error',
  'rejected',
  'failed',
  'broken',
  'cancelled',
  'timed_out',
] as const

/** One of {@link REQUEST_ENDS}. */
export type RequestEnd = (typeof REQUEST_ENDS)[number]
