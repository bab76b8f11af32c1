import path from 'node:path';
import { isObject } from '../core/json.ts';
import type { StageKind } from '../core/stage-kind.ts';
import { describe, reportUnknown } from './issues.ts';
import { keyOffsetOf, type Path } from './located.ts';
import { pipelineBodySchema } from './pipeline-schema.ts';
import { firstStreamKey, reportNoStream } from './resolve-kind.ts';
import type { YamlFile } from './yaml-file.ts';

/** One entry of `stages`, as data, and where it stands in the file. */
interface Entry {
  readonly value: unknown;
  readonly path: Path;
}

/** A pipeline's keys, whichever of the accepted forms the file has. */
export interface Body {
  /** `[]`, or `['pipeline']` for the wrapper of specs 1 and 5. */
  readonly path: Path;
  /** For the schema: without `x-` keys. */
  readonly checked: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly stages: readonly Entry[];
  readonly finally: readonly Entry[];
}

/** Finds the pipeline in a file: top-level `stages` or `steps`, or both under `pipeline`. Reports when there is none. */
export function openBody(file: YamlFile, kinds: Readonly<Record<string, StageKind>>): Body | undefined {
  const root = file.root?.value;
  if (root === null || root === undefined) {
    file.report([], {
      code: 'empty',
      message: 'the file is empty',
      hint: 'A pipeline has "stages:" or "steps:".',
    });
    return undefined;
  }
  if (!isObject(root)) {
    file.report([], {
      code: 'bad-value',
      message: `expected a pipeline (a mapping), found ${describe(root)}`,
    });
    return undefined;
  }
  if (!('pipeline' in root)) return bodyOf(file, kinds, root, []);
  for (const key of Object.keys(root)) {
    if (key === 'pipeline' || key.startsWith('x-')) continue;
    if (key in pipelineBodySchema.shape) {
      const message = `"${key}" stands beside "pipeline"; it belongs under it`;
      file.report([key], { code: 'unknown-key', message }, { atKey: true });
    } else reportUnknown(file, { path: [key], word: key, known: ['pipeline'] });
  }
  const inner = root['pipeline'];
  if (isObject(inner)) return bodyOf(file, kinds, inner, ['pipeline']);
  file.report(['pipeline'], {
    code: 'bad-value',
    message: `pipeline: expected a mapping, found ${describe(inner)}`,
  });
  return undefined;
}

function bodyOf(
  file: YamlFile,
  kinds: Readonly<Record<string, StageKind>>,
  body: Readonly<Record<string, unknown>>,
  base: Path,
): Body {
  const checked = Object.fromEntries(Object.entries(body).filter(([key]) => !key.startsWith('x-')));
  const { name: written } = body;
  const name =
    typeof written === 'string' ? written : path.basename(file.source.file).replace(/\.ya?ml$/, '');
  const found = { path: base, checked, name, finally: entriesOf(body['finally'], [...base, 'finally']) };
  if ('stages' in body) {
    if ('steps' in body) {
      const later = keyOffsetOf(file.root, [...base, 'steps']) > keyOffsetOf(file.root, [...base, 'stages']);
      const at = [...base, later ? 'steps' : 'stages'];
      file.report(at, { code: 'conflict', message: 'write stages or steps, not both' }, { atKey: true });
    }
    return { ...found, stages: entriesOf(body['stages'], [...base, 'stages']) };
  }
  if (!('steps' in body)) {
    const message = 'this pipeline has neither "stages" nor "steps"';
    file.report(base, { code: 'missing-key', message });
    return { ...found, stages: [] };
  }
  return { ...found, stages: stageOfSteps(file, kinds, { name, steps: body['steps'], base }) };
}

/** Steps without stages are one stage with the pipeline's name. */
function stageOfSteps(
  file: YamlFile,
  kinds: Readonly<Record<string, StageKind>>,
  { name, steps, base }: { readonly name: string; readonly steps: unknown; readonly base: Path },
): readonly Entry[] {
  if (!Array.isArray(steps) || steps.length === 0) return [];
  const streamKey = firstStreamKey(steps, [...base, 'steps']);
  if (streamKey && !Object.hasOwn(kinds, 'stream')) {
    reportNoStream(file, streamKey);
    return [];
  }
  const stageName =
    name
      .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, 64) || 'steps';
  return [{ value: { name: stageName, uses: streamKey ? 'stream' : 'shell', steps }, path: base }];
}

function entriesOf(value: unknown, base: Path): readonly Entry[] {
  return Array.isArray(value)
    ? value.map((entry: unknown, index) => ({ value: entry, path: [...base, index] }))
    : [];
}
