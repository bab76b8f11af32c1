import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { PipelineDefinition } from '../core/definition.ts';
import type { RunCreated, RunEvent } from '../core/events.ts';
import { isObject } from '../core/json.ts';
import { defaultSettings, type StageSettings } from '../core/settings/index.ts';
import { findEnvironment } from './environment.ts';
import type { Services } from './services.ts';

/**
 * Before a run goes on: says which of its files were edited since it began, because it goes on as it was stored. Says
 * nothing where that cannot be told.
 */
export async function sayEdits(services: Services, events: readonly RunEvent[]): Promise<void> {
  const created = events.find((event) => event.type === 'run.created');
  if (!created) return;
  const edited = [
    ...(await editedFiles(created.definition)).map((file) => shortened(file, services.cwd)),
    ...((await hasOtherSettings(services, created)) ? ['pipewright.yaml'] : []),
  ];
  if (edited.length === 0) return;
  const { terminal } = services;
  const [verb, text] = edited.length === 1 ? ['says', 'its text'] : ['say', 'their text'];
  terminal.say(
    `pipewright: ${edited.join(', ')} ${verb} something else now than when run ${created.run_id} began; it goes on with ${text} of then`,
  );
  terminal.say(`  pipewright run ${created.pipeline}  starts a run with what is there now`);
}

function shortened(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}

/** The pipeline's own file, and those of pipelines in it. Of a file that is gone nothing is known. */
async function editedFiles({
  source,
  stages,
  finally: last,
}: PipelineDefinition): Promise<readonly string[]> {
  const now = await readFile(source.file).catch(() => undefined);
  const isSame = !now || createHash('sha256').update(now).digest('hex') === source.sha256;
  const inner = [...stages, ...last].flatMap(({ pipeline }) => pipeline ?? []);
  const deeper = await Promise.all(inner.map(editedFiles));
  return [...new Set([...(isSame ? [] : [source.file]), ...deeper.flat()])];
}

async function hasOtherSettings(services: Services, { settings, environment }: RunCreated): Promise<boolean> {
  const project = await services.settings();
  if (!settings || !project.ok) return false;
  const known = findEnvironment(environment, project.value.environments);
  const now: StageSettings = (known.ok && known.value?.settings) || project.value.stage;
  return !isSameSetting(asJournaled(settings), asJournaled(now), asJournaled(defaultSettings('')));
}

/** A key that the run has no copy of may have come with a later version: then it is at its default. */
export function isSameSetting(then: unknown, now: unknown, byDefault: unknown): boolean {
  if (!isObject(then) || !isObject(now)) return isDeepStrictEqual(then, now);
  const defaults = isObject(byDefault) ? byDefault : {};
  return [...new Set([...Object.keys(then), ...Object.keys(now)])].every((key) =>
    Object.hasOwn(then, key)
      ? isSameSetting(then[key], now[key], defaults[key])
      : isDeepStrictEqual(now[key], defaults[key]),
  );
}

/** As it is in a journal: without keys that have no value. */
function asJournaled(settings: StageSettings): unknown {
  return JSON.parse(JSON.stringify(settings));
}
