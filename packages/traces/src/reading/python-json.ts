const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g

/** A text with null for `NaN` and `Infinity`, which Python writes and JSON has not; lines stay lines. */
export function withoutPythonNumbers(text: string): string {
  return text.replace(STRING_OR_NUMBER, (found) => (found[0] === '"' ? found : 'null'))
}
