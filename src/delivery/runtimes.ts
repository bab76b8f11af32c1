import { failed, ok, type Result } from '../core/failure.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DeploySettings } from '../core/settings/deploy.ts';
import type { StagePorts } from '../core/stage-ports.ts';
import { createProcessRuntime } from './process/runtime.ts';

type RuntimeKind = DeploySettings['runtime'];

interface RuntimeParts {
  readonly deploy: DeploySettings;
  readonly ports: StagePorts;
}

const RUNTIMES: Partial<Record<RuntimeKind, (parts: RuntimeParts) => Runtime>> = {
  process: ({ deploy, ports }) => createProcessRuntime({ deploy, secrets: ports.secrets, ids: ports.ids }),
};

/** The code behind `runtime:` of a service. */
export function openRuntime(kind: RuntimeKind, parts: RuntimeParts): Result<Runtime> {
  const open = RUNTIMES[kind];
  if (open) return ok(open(parts));
  const message = `this Pipewright has no runtime "${kind}"; known: ${Object.keys(RUNTIMES).join(', ')}`;
  return failed({ reason: 'invalid', message });
}
