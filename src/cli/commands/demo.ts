import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Common, DemoCommand, RunCommand } from '../command.ts';
import { startClients } from '../demo/load.ts';
import { commitVersion, createDemoProject, type DemoProject } from '../demo/project.ts';
import { isProblems, printFailure, printProblems } from '../print.ts';
import type { Services } from '../services.ts';
import { run } from './run.ts';

/**
 * `demo`: a small project with history, deployed twice by the autopilot on this machine while clients ask it all the
 * time. With `--break` the second version is bad, and what undoes it is shown. Exit code as `run` has it.
 */
export async function demo(command: DemoCommand, services: Services): Promise<number> {
  if (command.end) return endServices(command, services);
  const made = await createDemoProject(command.dir, services.cwd);
  if (!made.ok) return printFailure(services, command, made.failure);
  const project = made.value;
  const there = await services.at(project.folder);
  const tell = (text: string): Promise<void> =>
    command.json ? Promise.resolve(services.terminal.say(text)) : services.terminal.print([text]);
  try {
    return await play(command, there, project, tell);
  } finally {
    await tidyUp(command, there, project, tell);
  }
}

async function endServices(command: DemoCommand, services: Services): Promise<number> {
  const there = await services.at(path.resolve(services.cwd, command.dir ?? '.'));
  const ended = await (await there.delivery()).stopServices('default');
  if (ended.ok) {
    if (!command.json) await services.terminal.write(`The services of ${there.project.root} are ended.\n`);
    return 0;
  }
  return isProblems(ended.failure)
    ? printProblems(services, command, ended.failure)
    : printFailure(services, command, ended.failure);
}

type Tell = (text: string) => Promise<void>;

async function play(
  command: DemoCommand,
  services: Services,
  project: DemoProject,
  tell: Tell,
): Promise<number> {
  const { api, web } = project.ports;
  const urls = [`http://127.0.0.1:${api}/price`, `http://127.0.0.1:${web}/`];
  await tell(
    `A shop with two services is in ${project.folder}; its watchdog is shortened to 5 s (30 s by default).`,
  );
  await tell(`First its first version: pipewright run autopilot\n`);
  const first = await run(
    autopilot({ ...command, output: command.json ? 'json' : 'plain' }, project),
    services,
  );
  if (first !== 0) return first;
  const version = command.isBroken ? 'broken' : 'second';
  const committed = await commitVersion(project, version);
  if (!committed.ok) return printFailure(services, command, committed.failure);
  const what = command.isBroken ? 'a version with a bug that no test finds' : 'the next version';
  await tell(`\nNow ${what}, while 4 clients ask both services all the time (${urls.join(', ')}):\n`);
  const clients = startClients(urls);
  const code = await run(autopilot(command, project), services);
  const { sent, failed } = await clients.stop();
  await tell(
    `\n${sent} requests by the clients, ${failed} failed${command.isBroken ? ' before the former version was back' : ''}.`,
  );
  return code;
}

function autopilot(common: Common, project: DemoProject): RunCommand {
  return {
    ...common,
    name: 'run',
    project: project.folder,
    target: 'autopilot',
    parameters: [],
    selection: { skip: [], only: [] },
    yes: true,
  };
}

async function tidyUp(
  command: DemoCommand,
  services: Services,
  project: DemoProject,
  tell: Tell,
): Promise<void> {
  if (command.keep) {
    await tell(
      `Both services go on. Look around in ${project.folder}: pipewright runs, pipewright why last deploy`,
    );
    await tell(`End them with: pipewright demo --end --dir ${project.folder}`);
    return;
  }
  await (await services.delivery()).stopServices('default');
  if (project.isTemporary) await rm(project.folder, { recursive: true, force: true });
  await tell(
    project.isTemporary
      ? 'Both services were ended and the folder is removed; with --keep they stay, for why, logs and rollback.'
      : 'Both services were ended.',
  );
}
