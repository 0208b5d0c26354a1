/** One number with its labels. */
export interface MetricSample {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: MetricSample['type'];
  readonly help: string;
  /** By the labels as written. */
  readonly samples: Map<string, number>;
}

/** Most samples of one answer. */
const maxSamples = 50_000;

/** Collects samples by family, and writes them in the text format of Prometheus, version 0.0.4. */
export class MetricFamilies {
  readonly #families = new Map<string, Family>();
  #count = 0;
  #droppedCount = 0;

  /** Samples that were left out: a second one of the same name and labels, or one too many. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  add({ name, type, help, labels = {}, value }: MetricSample): void {
    const family = this.#families.get(name) ?? { type, help, samples: new Map() };
    const key = labelText(labels);
    if (this.#count >= maxSamples || family.type !== type || family.samples.has(key)) {
      this.#droppedCount += 1;
      return;
    }
    this.#families.set(name, family);
    family.samples.set(key, value);
    this.#count += 1;
  }

  /** Writes every family: its help, its type, its samples. */
  toText(): string {
    const lines: string[] = [];
    const names = [...this.#families.keys()].sort();
    for (const name of names) {
      const family = this.#families.get(name);
      if (family === undefined) continue;
      lines.push(`# HELP ${name} ${escapeHelp(family.help)}`, `# TYPE ${name} ${family.type}`);
      for (const [labels, value] of family.samples) lines.push(`${name}${labels} ${number(value)}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeHelp(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
