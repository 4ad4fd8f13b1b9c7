/** Codes of the errors that catalogues and latency models throw. */
export type HardwareErrorCode =
  | 'engine_unknown'
  | 'gpu_unknown'
  | 'kv_blocks_too_many'
  | 'kv_cache_broken'
  | 'kv_capacity_none'
  | 'kv_shape_invalid'
  | 'latency_invalid'
  | 'latency_table_invalid'
  | 'link_unknown'
  | 'model_config_invalid'
  | 'model_unknown'
  | 'profile_unknown'
