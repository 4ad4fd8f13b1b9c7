/**
 * A number with thousands apart: `12,031`. (`toLocaleString` takes a twentieth of a short command, which first
 * loads what all languages want.)
 */
export function thousands(value: number, fractionDigits: number = 0): string {
  const [whole = '', fraction] = value.toFixed(fractionDigits).split('.')
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? apart : `${apart}.${fraction}`
}

/** A count and what is counted: `1 request`, `12,031 requests`. */
export function counted(count: number, noun: string): string {
  return `${thousands(count)} ${noun}${count === 1 ? '' : 's'}`
}
