/** Labels of a sample. */
export type Labels = Readonly<Record<string, string | number>>

/** One value of a metric. */
export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

/** Collects metrics as Prometheus reads them (text format 0.0.4). */
export class PrometheusText {
  private readonly lines: string[] = []

  /** The content type of the text. */
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8'

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.add(name, 'gauge', help, samples)
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.add(name, 'counter', help, samples)
  }

  histogram(name: string, help: string, histogram: LatencyHistogram, labels: Labels = {}): void {
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`)
    for (const { le, count } of histogram.cumulative()) {
      this.lines.push(`${name}_bucket${text({ ...labels, le })} ${count}`)
    }
    this.lines.push(`${name}_sum${text(labels)} ${histogram.sum}`)
    this.lines.push(`${name}_count${text(labels)} ${histogram.count}`)
  }

  toString(): string {
    return `${this.lines.join('\n')}\n`
  }

  private add(name: string, type: string, help: string, samples: readonly Sample[]): void {
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const { labels = {}, value } of samples) this.lines.push(`${name}${text(labels)} ${value}`)
  }
}

function text(labels: Labels): string {
  const entries = Object.entries(labels)
  if (entries.length === 0) return ''
  return `{${entries.map(([name, value]) => `${name}="${escaped(String(value))}"`).join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Seconds in buckets. */
export class LatencyHistogram {
  sum = 0
  count = 0
  private readonly bounds: readonly number[]
  private readonly counts: Float64Array

  /** @param bounds - upper ends of the buckets in seconds, rising */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  add(seconds: number): void {
    let at = 0
    while (at < this.bounds.length && seconds > this.bounds[at]!) at++
    this.counts[at] = this.counts[at]! + 1
    this.sum += seconds
    this.count++
  }

  /** Samples up to each bound. */
  cumulative(): { le: string; count: number }[] {
    let count = 0
    return Array.from(this.counts, (own, i) => {
      count += own
      return { le: i < this.bounds.length ? String(this.bounds[i]) : '+Inf', count }
    })
  }
}
