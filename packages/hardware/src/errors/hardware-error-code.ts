/** Codes of the errors that catalogues and latency models throw. */
export type HardwareErrorCode =
  | 'gpu_unknown'
  | 'kv_cache_broken'
  | 'kv_shape_invalid'
  | 'latency_invalid'
