import process from 'node:process';
import type { StageSettings } from '../../core/settings/index.ts';
import { modelRecipient } from '../../core/settings/testgen.ts';
import type { Services } from '../services.ts';
import { type Finding, findOnPath } from './doctor-probes.ts';

/** Which Node runs this, and whether it is the one that this checkout pins. */
export function probeNode(): Finding {
  const isPinned = /[/\\]node_modules[/\\]node[/\\]bin[/\\]/.test(process.execPath);
  const version = `${process.versions.node} (${isPinned ? 'pinned by npm' : 'of the system'})`;
  return { name: 'node', status: 'found', required: true, version, path: process.execPath };
}

/** Machines that pipewright.yaml declares: named, not asked, since that needs the network. */
export async function probeContexts(services: Services): Promise<readonly Finding[]> {
  const settings = await services.settings();
  if (!settings.ok) {
    const detail = 'pipewright.yaml has problems: pipewright validate names them';
    return [{ name: 'pipewright.yaml', status: 'broken', required: true, detail }];
  }
  const { stage, environments } = settings.value;
  const all: readonly StageSettings[] = [stage, ...Object.values(environments).map((each) => each.settings)];
  const declared = new Map(all.flatMap(({ contexts }) => Object.entries(contexts)));
  const names = [...declared.keys()];
  if (names.length === 0) return [];
  const machines = [...declared.values()].filter(({ type }) => type === 'ssh').length;
  const containers = names.length - machines;
  const version = [
    ...(machines > 0 ? [`${machines} on other machines`] : []),
    ...(containers > 0 ? [`${containers} in containers`] : []),
  ].join(', ');
  const detail = `${names.join(', ')}; pipewright context test asks them`;
  return [{ name: 'contexts', status: 'found', required: false, version, detail }];
}

/** Who would get prompts when tests are generated: named, not asked. Nothing where no model is configured. */
export async function probeModel(services: Services): Promise<readonly Finding[]> {
  const settings = await services.settings();
  if (!settings.ok) return [];
  const { model } = settings.value.stage.testgen;
  if (model.provider === 'none') return [];
  const name = 'language model';
  const recipient = modelRecipient(model);
  const program = model.command?.[0];
  if (program === undefined) {
    const key =
      model.api_key === undefined ? 'without a key' : `key from ${model.api_key.split(':')[0] ?? ''}:`;
    const detail = `it gets names and parts of changed code when tests are generated (${key})`;
    return [{ name, status: 'found', required: false, version: recipient, detail }];
  }
  const isPath = program.includes('/');
  const found = isPath ? program : findOnPath(program, services.env);
  return found === undefined
    ? [
        {
          name,
          status: 'missing',
          required: false,
          detail: `${recipient} is not on PATH: rules alone write tests`,
        },
      ]
    : [{ name, status: 'found', required: false, version: recipient, path: found }];
}
