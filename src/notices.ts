import path from 'node:path';
import process from 'node:process';
import type { Notifier } from './core/notify.ts';
import type { Secrets } from './core/ports.ts';
import { inheritedEnvironment } from './executors/local/environment.ts';
import { describeFailure } from './reporters/describe-failure.ts';
import { systemClock } from './system/clock.ts';
import { systemHttp } from './system/http.ts';
import { createNotifier } from './system/notifier.ts';

/** Who tells people how runs end. Part of the composition root; loaded when there is something to tell. */
export function openNotifier(parts: {
  readonly project: { readonly root: string; readonly stateDir: string };
  readonly secrets: Secrets;
  readonly warn: (line: string) => void;
}): Notifier {
  const { project, secrets, warn } = parts;
  return createNotifier({
    clock: systemClock,
    http: systemHttp,
    secrets,
    env: inheritedEnvironment(process.env),
    project: project.root,
    runFolder: (runId) => path.join(project.stateDir, 'runs', runId),
    describeFailure,
    warn,
  });
}
