/** Codes of the errors this package throws. */
export type ExperimentsErrorCode =
  | 'config_unreadable'
  | 'config_invalid'
  | 'trace_missing'
  | 'rates_missing'
  | 'algorithms_missing'
  | 'algorithms_ambiguous'
  | 'seeds_invalid'
  | 'interrupted'
  | 'latency_unreadable'
  | 'model_unreadable'
