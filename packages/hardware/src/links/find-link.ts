import { findByName } from '../catalogue/find-by-name.js'
import type { Link } from './link.js'
import { LINKS } from './link-catalogue.js'

/**
 * The link of a name or alias; case, spaces, `-` and `_` make no difference.
 * @throws RouteSimError `link_unknown`, with the nearest known name
 *
 * @example
 * findLink('nvlink-4').bandwidthBytesPerSec // => 450e9
 */
export function findLink(name: string): Link {
  return findByName(LINKS, name, 'link', 'link_unknown')
}
