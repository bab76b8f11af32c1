import { oneLine } from '../../core/terminal-text.ts';

/** One line of a metric. `suffix` as in `_bucket`. */
export interface Sample {
  readonly suffix?: '_bucket' | '_sum' | '_count';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All lines of one metric. */
export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Content type of the format. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Longest value of a label, in characters. */
const LONGEST_LABEL = 128;

/**
 * Metrics in the text format 0.0.4. Names of labels and metrics are ours, values may be anybody's.
 * Source: Prometheus, "Exposition formats".
 */
export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map((each) => line(name, each))].join(
        '\n',
      ),
    )
    .join('\n')
    .concat('\n');
}

function line(name: string, { suffix, labels = {}, value }: Sample): string {
  const written = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
  const braces = written.length > 0 ? `{${written.join(',')}}` : '';
  return `${name}${suffix ?? ''}${braces} ${numberText(value)}`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escape(text: string): string {
  return labelOf(text)
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`);
}

/** A value of a label: one line that steers no terminal, not longer than a name has to be. */
export function labelOf(text: string): string {
  const plain = oneLine(text);
  return plain.length <= LONGEST_LABEL ? plain : `${plain.slice(0, LONGEST_LABEL - 1).toWellFormed()}…`;
}
