export { type PagedKvCacheOptions, pagedKvCache } from './kv-cache/paged-kv-cache.js'
