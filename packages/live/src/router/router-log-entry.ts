/** Something worth a line in a log; never what a prompt or an answer says. */
export interface RouterLogEntry {
  readonly event: string
  readonly [detail: string]: string | number | boolean | undefined
}
