/** Names as a sentence lists them: `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** The first `most` of them, and how many there are beside. */
export function listedSome(names: readonly string[], most: number): string {
  const more = names.length - most
  return listed(more > 0 ? [...names.slice(0, most), `${more} more`] : names)
}
