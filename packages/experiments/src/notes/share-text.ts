/** A share as notes and answers say it: `13%`, to two digits. */
export function shareText(share: number): string {
  return `${Number((share * 100).toPrecision(2))}%`
}
