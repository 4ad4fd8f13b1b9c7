/** The port given for administration, else the one after that of the router; any where there is none after it. */
export function adminPortOf({ port, adminPort }: { port: number; adminPort?: number }): number {
  return adminPort ?? (port === 0 || port === 65_535 ? 0 : port + 1)
}
