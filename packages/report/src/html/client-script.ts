import { readFileSync } from 'node:fs'
import { RouteSimError } from '@routesim/core'
import type { ReportErrorCode } from '../report-error-code.js'

/** The script that the build makes of `client/client.ts` and the chart library. */
export function clientScript(): string {
  const here = import.meta.url
  const url = new URL(here.endsWith('.ts') ? '../../dist/client.js' : './client.js', here)
  try {
    // An end tag would end the element, wherever it stands.
    return readFileSync(url, 'utf8').replaceAll('</script', '<\\/script')
  } catch (cause) {
    throw new RouteSimError<ReportErrorCode>('the script of HTML reports is not built', {
      code: 'report_not_built',
      hint: 'In a checkout, run npm run build first.',
      cause,
    })
  }
}
