/** Codes of the errors this package throws. */
export type ExperimentsErrorCode =
  | 'config_unreadable'
  | 'config_invalid'
  | 'trace_missing'
  | 'rates_missing'
  | 'algorithms_missing'
  | 'algorithms_ambiguous'
  | 'router_file'
  | 'seeds_invalid'
  | 'options_conflict'
  | 'jobs_invalid'
  | 'worker_stopped'
  | 'interrupted'
