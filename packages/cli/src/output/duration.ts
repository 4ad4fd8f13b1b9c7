import { thousands } from './thousands.js'

const UNITS = [
  ['years', 365 * 86_400_000],
  ['days', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const

/** A duration in the largest unit of which there are two or more. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= 2 * each) ?? ['s', 1000]
  return `${thousands(ms / size, 1)} ${unit}`
}
