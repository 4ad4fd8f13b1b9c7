import { describe, expect, test } from 'vitest'
import { allReduceMs, allToAllMs, messageMs } from './collectives.js'
import { findLink } from './find-link.js'
import type { Link } from './link.js'
import { LINKS } from './link-catalogue.js'

const link: Link = {
  name: 'test',
  aliases: [],
  bandwidthBytesPerSec: 1e9,
  efficiency: 0.5,
  latencyMs: 0.25,
  source: '',
}

describe('collectives', () => {
  test('by hand: 1 MB at 0.5 GB/s takes 2 ms', () => {
    expect(messageMs(1e6, link)).toBe(2.25)
    expect(allReduceMs(1e6, 4, link)).toBe(0.25 + 1.5 * 2)
    expect(allToAllMs(1e6, 4, link)).toBe(0.25 + 0.75 * 2)
    expect(allReduceMs(1e6, 1, link)).toBe(0)
    expect(allToAllMs(1e6, 1, link)).toBe(0)
  })

  test('NCCL as measured: 64 MiB among 8 H100', () => {
    // 117 MB at 324 GB/s and 51 µs (microsoft/vidur 7d47513).
    expect(allReduceMs(2 ** 26, 8, findLink('nvlink 4 nccl'))).toBeCloseTo(0.413, 2)
  })
})

describe('the links', () => {
  test('none beats its line rate, and each name has one link', () => {
    for (const each of LINKS) {
      expect(each.efficiency).toBeLessThan(1)
      expect(each.latencyMs).toBeGreaterThan(0)
      for (const name of [each.name, ...each.aliases]) expect(findLink(name)).toBe(each)
    }
  })

  test('an unknown link gets the nearest one', () => {
    expect(() => findLink('NVLink 9')).toThrow(
      /^unknown link "NVLink 9": did you mean "NVLink \d"\?/,
    )
  })
})
