import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TRACE_FORMATS } from './index.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test.each(TRACE_FORMATS)('the README names the format %s', (format) => {
  expect(readme).toContain(`\`${format}\``)
})
