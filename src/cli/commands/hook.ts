import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { Finding, HookChange } from '../../core/staged.ts';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { HookCommand } from '../command.ts';
import { orFail, printFailure, printJson } from '../print.ts';
import type { ProjectHooks, Services } from '../services.ts';

/** `hook install|uninstall|run`. */
export async function hook(command: HookCommand, services: Services): Promise<number> {
  const hooks = await services.hooks();
  if (!hooks.ok) return printFailure(services, command, hooks.failure);
  if (command.verb === 'run') {
    return command.hook === 'pre-commit'
      ? preCommit(command, services, hooks.value)
      : prePush(command, services, hooks.value);
  }
  const changed =
    command.verb === 'install' ? await hooks.value.install(command.hooks) : await hooks.value.uninstall();
  return orFail(services, command, changed, (changes) => report(command, services, changes));
}

async function report(
  command: HookCommand,
  services: Services,
  changes: readonly HookChange[],
): Promise<number> {
  if (command.json) await printJson(services, { hooks: changes });
  else await services.terminal.print(changes.map((change) => sentenceOf(change, services.cwd)));
  return 0;
}

function sentenceOf({ hook: name, file, outcome, before }: HookChange, cwd: string): string {
  const shown = path.relative(cwd, file);
  switch (outcome) {
    case 'installed':
    case 'updated':
      return `${name} ${outcome}: ${shown}${before === undefined ? '' : `; ${path.basename(before)} runs before it`}`;
    case 'removed':
      return `${name} removed${before === undefined ? '' : `; the hook that was there before is back: ${shown}`}`;
    case 'absent':
      return `${name} was not installed`;
    case 'foreign':
      return `${name} is not Pipewright's, and stays: ${shown}`;
    default:
      return outcome satisfies never;
  }
}

/** Exit code 1 stops the commit. */
async function preCommit(command: HookCommand, services: Services, hooks: ProjectHooks): Promise<number> {
  const found = await hooks.findings(services.env['GIT_INDEX_FILE']);
  return orFail(services, command, found, async (findings) => {
    const isBlocked = findings.some(({ severity }) => severity === 'block');
    const exitCode = isBlocked ? 1 : 0;
    if (command.json) {
      await printJson(services, { findings, is_blocked: isBlocked, exit_code: exitCode });
      return exitCode;
    }
    for (const finding of findings) services.terminal.say(findingLine(finding));
    if (isBlocked) {
      services.terminal.say('pipewright: the commit is stopped. Unstage or mend what is named above.');
      services.terminal.say(
        '  A line that may stay: add "pipewright:allow-secret" to it. Once without this check: git commit --no-verify',
      );
    }
    return exitCode;
  });
}

function findingLine({ severity, path: file, line, message }: Finding): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `pipewright: ${severity === 'block' ? 'stopped' : 'warning'}: ${sanitizeText(place)}: ${message}`;
}

/** Never stops a push: it offers the pipeline, or starts it in the background. */
async function prePush(command: HookCommand, services: Services, hooks: ProjectHooks): Promise<number> {
  const settings = await services.settings();
  if (!settings.ok) {
    services.terminal.say(
      'pipewright: pipewright.yaml has problems, so this push starts nothing: pipewright validate',
    );
    return 0;
  }
  const { trigger } = settings.value.stage;
  const input = services.terminal.isInteractive ? '' : await text(services.terminal.stdin());
  const branches = await hooks.pushed(input, trigger);
  const offers = branches.map(({ branch, commits }) => ({
    branch,
    args: [
      'run',
      trigger.pipeline,
      ...(trigger.environment === undefined ? [] : ['--env', trigger.environment]),
      '-c',
      commits,
    ],
  }));
  if (command.json) await printJson(services, { mode: trigger.mode, offers });
  for (const { branch, args } of offers) {
    const name = sanitizeText(branch);
    if (trigger.mode === 'start') {
      const log = await hooks.startInBackground([...args, '--output', 'plain']);
      services.terminal.say(
        `pipewright: ${trigger.pipeline} runs for ${name}: pipewright show last  (${log})`,
      );
    } else {
      services.terminal.say(`pipewright: ${name} is pushed; its pipeline: pipewright ${args.join(' ')}`);
    }
  }
  return 0;
}
