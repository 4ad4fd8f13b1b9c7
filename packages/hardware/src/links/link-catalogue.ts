import type { Link } from './link.js'

const GB = 1e9
const US = 1e-3

/** NCCL tests of Vidur's profiles (microsoft/vidur, commit 7d47513): 324 GB/s on H100, 169 on A100. */
const VIDUR = 'efficiency: all-reduce profiles of microsoft/vidur, commit 7d47513'
/** Common to the NVLink generations whose efficiency nobody has published. */
const AS_NVLINK_4 = 'efficiency as NVLink 4'
const H800 = 'ai-dynamo/aiconfigurator, systems/h800_sxm.yaml'
const INFINITY_FABRIC_4 =
  'AMD CDNA 4 architecture white paper, 7 links of 76.8 GB/s; efficiency as Infinity Fabric 3'
const NVLINK_LATENCY =
  'latency: one all-reduce kernel inside a CUDA graph, as serving engines bring their own'

/** The links RouteSim knows. Bandwidths are per GPU and direction, half of what data sheets add up. */
export const LINKS: readonly Link[] = [
  nvlink('NVLink 2', 150 * GB, 0.56, 12 * US, 'NVIDIA V100 data sheet; efficiency as NVLink 3'),
  nvlink('NVLink 3', 300 * GB, 0.56, 12 * US, `NVIDIA A100 data sheet; ${VIDUR}`),
  nvlink('NVLink 4', 450 * GB, 0.72, 10 * US, `NVIDIA H100 data sheet; ${VIDUR}`),
  nvlink('NVLink 4 bridge', 300 * GB, 0.72, 10 * US, `NVIDIA H100 NVL data sheet; ${AS_NVLINK_4}`),
  nvlink(
    'NVLink 3 A800',
    200 * GB,
    0.56,
    12 * US,
    `NVIDIA A800 40GB data sheet; efficiency as NVLink 3`,
  ),
  nvlink('NVLink 4 H800', 200 * GB, 0.72, 10 * US, `${H800}; ${AS_NVLINK_4}`),
  nvlink('NVLink 5', 900 * GB, 0.72, 6 * US, `NVIDIA Blackwell data sheet; ${AS_NVLINK_4}`),
  nvlink('Infinity Fabric 3', 448 * GB, 0.7, 12 * US, 'AMD MI300X data sheet, 7 links of 64 GB/s'),
  nvlink('Infinity Fabric 4', 537.6 * GB, 0.7, 12 * US, INFINITY_FABRIC_4),
  nccl('NVLink 3 NCCL', 300 * GB, 0.56, 64 * US),
  nccl('NVLink 4 NCCL', 450 * GB, 0.72, 51 * US),
  pcie('PCIe 3.0 x16', 15.75 * GB),
  pcie('PCIe 4.0 x16', 31.5 * GB),
  pcie('PCIe 5.0 x16', 63 * GB),
  network('InfiniBand HDR', 200, 5 * US, ['HDR']),
  network('InfiniBand NDR', 400, 5 * US, ['NDR']),
  network('InfiniBand XDR', 800, 5 * US, ['XDR']),
  network('Ethernet 25G', 25, 30 * US, ['25GbE']),
  network('Ethernet 100G', 100, 30 * US, ['100GbE']),
  network('Ethernet 200G', 200, 10 * US, ['200GbE', 'RoCE 200G']),
  network('Ethernet 400G', 400, 10 * US, ['400GbE', 'RoCE 400G']),
]

function nvlink(
  name: string,
  bandwidthBytesPerSec: number,
  efficiency: number,
  latencyMs: number,
  source: string,
): Link {
  const aliases = name === 'NVLink 4' ? ['NVLink'] : []
  return {
    name,
    aliases,
    bandwidthBytesPerSec,
    efficiency,
    latencyMs,
    source: `${source}; ${NVLINK_LATENCY}`,
  }
}

/** Launched one by one from the host: 31 or 44 µs of NCCL and 20 µs to launch. */
function nccl(
  name: string,
  bandwidthBytesPerSec: number,
  efficiency: number,
  latencyMs: number,
): Link {
  return { name, aliases: [], bandwidthBytesPerSec, efficiency, latencyMs, source: VIDUR }
}

/** Between GPUs without NVLink, a collective goes through the root complex of the host. */
function pcie(name: string, bandwidthBytesPerSec: number): Link {
  return {
    name,
    aliases: [name.replace('.0 x16', '')],
    bandwidthBytesPerSec,
    efficiency: 0.8,
    latencyMs: 20 * US,
    source:
      'PCI Express base specification: 128b/130b code; efficiency: packet headers at 256 bytes',
  }
}

function network(name: string, gigabits: number, latencyMs: number, aliases: string[]): Link {
  return {
    name,
    aliases,
    bandwidthBytesPerSec: (gigabits * GB) / 8,
    efficiency: 0.9,
    latencyMs,
    source:
      'line rate of the standard; efficiency: headers and flow control of RDMA or jumbo frames',
  }
}
