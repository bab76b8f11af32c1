import type { StageKind } from '../core/stage-kind.ts';
import { closest } from '../core/closest.ts';
import { reportUnknown, suggestion } from './issues.ts';
import type { Path } from './located.ts';
import { COMMON_KEYS } from './stage-schema.ts';
import type { YamlFile } from './yaml-file.ts';

interface Setting {
  readonly file: YamlFile;
  readonly kinds: Readonly<Record<string, StageKind>>;
}

interface Written {
  readonly common: Readonly<Record<string, unknown>>;
  readonly own: Readonly<Record<string, unknown>>;
  readonly path: Path;
}

/**
 * The kind of a stage: what `uses` says; without it `stream` or `shell` for steps, `shell` for a command,
 * `pipeline` for a pipeline, else the kind that has the stage's name (`_` as `-`). Reports when there is none.
 */
export function resolveKind(setting: Setting, written: Written): StageKind | undefined {
  const { common, own, path } = written;
  if ('uses' in common) return namedKind(setting, common['uses'], [...path, 'uses']);
  if ('steps' in own) {
    const streamKey = firstStreamKey(own['steps'], ['steps']);
    if (!streamKey) return namedKind(setting, 'shell', path);
    const stream = kindOf(setting, 'stream');
    if (stream) return stream;
    reportNoStream(setting.file, [...path, ...streamKey]);
    return undefined;
  }
  if ('command' in own) return namedKind(setting, 'shell', path);
  if ('pipeline' in own) return namedKind(setting, 'pipeline', path);
  const name = common['name'];
  if (typeof name !== 'string') {
    // That the name is missing is said elsewhere; its misspelling, and other ones, would go unsaid.
    reportMisspelt(setting.file, own, path);
    return undefined;
  }
  const kind = kindOf(setting, name.replaceAll('_', '-'));
  if (kind) return kind;
  const kinds = Object.keys(setting.kinds);
  if (reportMisspelt(setting.file, own, path)) return undefined;
  setting.file.report(path, {
    code: 'no-kind',
    message: `the stage "${name.slice(0, 64)}" does not say what it does`,
    hint: `Give it steps, command or pipeline, or uses: ${kinds.toSorted().join(', ')}.`,
  });
  return undefined;
}

const KIND_KEYS = ['steps', 'command', 'pipeline'];

/** Unknown keys of a stage without a kind; true when one of them would have given it one. */
function reportMisspelt(file: YamlFile, own: Written['own'], path: Path): boolean {
  const known = [...COMMON_KEYS, ...KIND_KEYS];
  const words = Object.keys(own).filter((word) => closest(word, known) !== undefined);
  for (const word of words) reportUnknown(file, { path: [...path, word], word, known });
  return words.some((word) => KIND_KEYS.includes(closest(word, known) ?? ''));
}

function namedKind(setting: Setting, name: unknown, path: Path): StageKind | undefined {
  if (typeof name !== 'string') return undefined;
  const kind = kindOf(setting, name);
  if (kind) return kind;
  const message = `there is no stage kind "${name.slice(0, 64)}"`;
  setting.file.report(path, {
    code: 'unknown-kind',
    message,
    hint: suggestion(name, Object.keys(setting.kinds)),
  });
  return undefined;
}

function kindOf({ kinds }: Setting, name: string): StageKind | undefined {
  return Object.hasOwn(kinds, name) ? kinds[name] : undefined;
}

/** One sentence for the first key that only a stream understands. */
export function reportNoStream(file: YamlFile, path: Path): void {
  const message = `"${String(path.at(-1))}" here makes this a stream, and the stage kind "stream" is not there`;
  file.report(path, { code: 'unknown-kind', message }, { atKey: true });
}

/** Path of the first key in `steps` that makes it a stream (spec 5), or undefined. */
export function firstStreamKey(steps: unknown, path: Path): Path | undefined {
  if (!Array.isArray(steps)) return undefined;
  for (const [index, step] of steps.entries()) {
    if (typeof step !== 'object' || step === null) continue;
    const key = Object.entries(step).find(([name, value]) => isStreamKey(name, value))?.[0];
    if (key !== undefined) return [...path, index, key];
  }
  return undefined;
}

function isStreamKey(key: string, value: unknown): boolean {
  if (key === 'output') return typeof value === 'string' && /^(?:stream|stderr|file:.*)$/s.test(value);
  return key === 'input' || key === 'type' || key === 'branches';
}
