import process from 'node:process';
import type { StageSettings } from '../../core/settings/index.ts';
import type { Services } from '../services.ts';
import type { Finding } from './doctor-probes.ts';

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
  const names = [...new Set(all.flatMap(({ contexts }) => Object.keys(contexts)))];
  if (names.length === 0) return [];
  const version = `${names.length} on other machines`;
  const detail = `${names.join(', ')}; pipewright context test asks them`;
  return [{ name: 'contexts', status: 'found', required: false, version, detail }];
}
