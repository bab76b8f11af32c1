import { suggestion } from './issues.ts';
import { nodeAt } from './located.ts';
import type { ProjectConfig } from './project.ts';
import type { YamlFile } from './yaml-file.ts';

/** Reports webhooks that could not work, and keys that act on nothing. */
export function checkServe(file: YamlFile, { serve, environments }: ProjectConfig): void {
  const known = Object.keys(environments);
  for (const [name, hook] of Object.entries(serve.hooks)) {
    const at = ['serve', 'hooks', name];
    const idle = (key: string, message: string): void => {
      const path = [...at, key];
      if (nodeAt(file.root, path)) file.report(path, { code: 'idle-key', message }, { atKey: true });
    };
    if (hook.kind !== 'generic') idle('signature_header', `${hook.kind} has a header of its own`);
    else idle('events', 'only GitHub and GitLab say which event it is');
    const { environment } = hook;
    if (environment === undefined || environment === 'default' || known.length === 0) continue;
    if (known.includes(environment)) continue;
    file.report([...at, 'environment'], {
      code: 'bad-setting',
      message: `there is no environment "${environment.slice(0, 64)}"`,
      ...hintOf(suggestion(environment, known)),
    });
  }
}

function hintOf(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}
