/** Config files as the original RouteSim takes them: every key it knows, some with its aliases. */
export const ORIGINAL_CONFIGS: Readonly<Record<string, string>> = {
  default: `
[simulation]
name = "default"
seed = 42
warmup_requests = 10

[cluster]
gpu_type = "H100Sxm"
num_backends = 4
max_batch_tokens = 8192
max_queue_depth = 128
kv_cache_blocks = 16384
kv_block_size = 16

[cluster.compute_model]
prefill_tokens_per_sec = 50000.0
decode_tokens_per_sec_batch1 = 80.0
decode_throughput_saturation_batch = 64
decode_tokens_per_sec_saturated = 3200.0

[trace]
format = "compact_jsonl"
`,
  disaggregated_pd: `
[simulation]
name = "disaggregated"
seed = 42
warmup_requests = 50

[cluster]
gpu_type = "h100"
num_backends = 8

[cluster.disaggregated]
enabled = true
prefill_backends = 2
decode_backends = 6
kv_transfer_latency_us = 500
kv_transfer_bandwidth_gb_s = 50.0
num_layers = 80
head_dim = 128
num_kv_heads = 8

[trace]
format = "jsonl"
`,
  multi_model: `
[simulation]
name = "multi_model"

[cluster]
gpu_type = "A100"
num_backends = 6

[cluster.compute_model]
prefill_tokens_per_sec = 35000
decode_tokens_per_sec_batch1 = 60
decode_throughput_saturation_batch = 48
decode_tokens_per_sec_saturated = 2400

[trace]
`,
  synthetic: `
[simulation]

[cluster]
gpu_type = "L40S"
num_backends = 2

[cluster.disaggregated]
enabled = false

[trace]
format = "synthetic"
generator = "poisson"
rate = 20.0
duration_sec = 10
prompt_tokens_mean = 500.0
prompt_tokens_std = 200.0
gen_tokens_mean = 150.0
gen_tokens_std = 50.0
num_prefixes = 10
prefix_len_mean = 256.0
`,
}
