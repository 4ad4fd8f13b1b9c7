/** Codes of the errors that this package throws. */
export type LiveErrorCode =
  | 'zeromq_missing'
  | 'address_in_use'
  | 'options_invalid'
  | 'backend_unreachable'
  | 'ping_refused'
  | 'bench_failed'
  | 'router_failed'
  | 'record_failed'
  | 'key_unreadable'
