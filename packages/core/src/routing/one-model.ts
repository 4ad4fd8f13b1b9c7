/**
 * Whether two names of models may stand for one: of a backend and of what a request asks for, or of two backends, of
 * which one is to go on with the KV cache of the other. Who names none goes with any.
 */
export function areOfOneModel(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other
}
