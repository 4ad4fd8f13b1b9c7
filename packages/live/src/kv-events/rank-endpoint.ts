/**
 * Where a data-parallel rank publishes its KV events, or sends lost ones again: as many ports further as its number.
 *
 * Source: `offset_endpoint_port` of vLLM (distributed/kv_events.py) and of SGLang (disaggregation/kv_events.py), by
 * which every rank of an engine binds an address of its own.
 *
 * @param endpoint - that of rank 0, tcp://host:port; one of another kind has no ports, and is of rank 0 alone
 */
export function rankEndpoint(endpoint: string, rank: number): string {
  return rank === 0 ? endpoint : endpoint.replace(/\d+$/, (port) => String(Number(port) + rank))
}
