import type { CasePlace, ProjectPlaces } from './cli/services.ts';
import type { Identity } from './core/ports.ts';
import type { CaseSettings } from './core/settings/cases.ts';
import { openCaseClaims } from './persistence/case-claims.ts';
import { lockWatch } from './persistence/watch-lock.ts';
import { createCaseFolder } from './system/case-folder.ts';
import { systemClock } from './system/clock.ts';
import { systemIds } from './system/ids.ts';

/** The folder of a pipeline's cases, on this machine's disk. Part of the composition root. */
export function openCasePlace(
  { pipeline, settings }: { readonly pipeline: string; readonly settings: CaseSettings },
  project: ProjectPlaces,
  identity: Identity,
): CasePlace {
  const { folder } = settings;
  const key = systemIds.sha256(`${folder}\0${pipeline}`).slice(0, 40);
  return {
    folder: createCaseFolder(settings),
    claims: openCaseClaims(folder, pipeline),
    clock: systemClock,
    newRunId: () => systemIds.runId(systemClock.nowMs()),
    holder: `${identity.host}:${project.stateDir}`,
    lock: () => lockWatch(project.stateDir, key, { identity, at: systemClock.now() }),
  };
}
