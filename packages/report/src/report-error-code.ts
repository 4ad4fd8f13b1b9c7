/** Codes of the errors that this package throws. */
export type ReportErrorCode =
  | 'report_not_built'
  | 'png_unavailable'
  | 'result_invalid'
  | 'plot_kind_unknown'
  | 'plot_impossible'
