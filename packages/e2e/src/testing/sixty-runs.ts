/** A small fleet under traffic of two minutes. */
export const CONFIG = `
[cluster]
num_backends = 4
kv_cache_blocks = 2000
[trace]
rate = 40
duration_sec = 120
num_prefixes = 20
`

/** A sweep of it over 5 fleets, with {@link AXES} over 2 rates, 2 algorithms and 3 seeds: 60 runs. */
export const SWEEP: readonly string[] = [
  ...['sweep', '-c', 'c.toml', '--set', 'cluster.num_backends=2,3,4,5,6'],
]
/** What {@link SWEEP} goes through beside the fleets. */
export const AXES: readonly string[] = [
  ...['--rates', '30,60', '-a', 'round_robin,prefix_overlap', '--seeds', '3'],
]
