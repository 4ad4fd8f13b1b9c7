/** What can go wrong in this package: the `code` of the {@link RouteSimError}s it throws. */
export type AlgorithmsErrorCode =
  | 'router_invalid'
  | 'router_unknown'
  | 'router_spec_invalid'
  | 'parameter_unknown'
  | 'parameter_invalid'
  | 'score_invalid'
  | 'index_invalid'
  | 'policy_invalid'
  | 'policy_unknown'
