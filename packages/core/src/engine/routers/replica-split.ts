import { RandomStream } from '../../kernel/random-stream.js'
import type { RequestTable } from '../../requests/request-table.js'
import type { RouterSplit } from '../../routing/visibility.js'

/** Which of several routers each request goes to. */
export class ReplicaSplit {
  /** Router of each request, by row. */
  private readonly replicaOf: Uint16Array
  private readonly requests: RequestTable
  private readonly replicas: number
  private readonly split: RouterSplit
  private readonly random: RandomStream
  private arrivals = 0

  constructor(requests: RequestTable, replicas: number, split: RouterSplit, seed: number) {
    this.requests = requests
    this.replicas = replicas
    this.split = split
    this.random = new RandomStream(seed, 'router split')
    this.replicaOf = new Uint16Array(requests.size)
  }

  /** A request arrives. */
  arrived(request: number): void {
    this.replicaOf[request] = this.choose(request)
  }

  of(request: number): number {
    return this.replicaOf[request]!
  }

  private choose(request: number): number {
    if (this.split === 'round_robin') return this.arrivals++ % this.replicas
    const session = this.split === 'session' ? this.requests.session[request]! : -1
    if (session < 0) return this.random.integer(this.replicas)
    return spread(this.requests.strings[session]!) % this.replicas
  }
}

/** FNV-1a, its bits mixed once more (the finaliser of MurmurHash3): names that differ in one digit are common. */
function spread(name: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
