/** Codes of the errors this package throws. */
export type MetricsErrorCode =
  | 'arrivals_unknown'
  | 'histogram_value_invalid'
  | 'interval_invalid'
  | 'level_invalid'
  | 'prices_invalid'
  | 'quantile_invalid'
  | 'seeds_invalid'
  | 'slo_invalid'
  | 'warmup_leaves_nothing'
