import type { Finding } from './finding.ts';
import { createLab } from './lab.ts';
import { checkJournal, isRunsDocument } from './play.ts';

const RUNS_EACH = 10;
const TINY = `name: tiny
stages:
  - name: only
    steps: [{name: a, command: 'echo x >> world'}]
`;

/** Two command lines use one state folder at the same time, ten runs each. */
export async function playSharing(): Promise<readonly Finding[]> {
  const lab = createLab({ 'tiny.yaml': TINY });
  try {
    const lane = async (): Promise<readonly string[]> => {
      const bad: string[] = [];
      for (let run = 0; run < RUNS_EACH; run += 1) {
        const { code, signal, stderr } = await lab.cli(['run', 'tiny', '--output', 'json']);
        if (code !== 0) bad.push(`a run ended with ${signal ?? code}: ${stderr.trim()}`);
      }
      return bad;
    };
    const bad = (await Promise.all([lane(), lane()])).flat();
    const { stdout } = await lab.cli(['runs', '--json', '--limit', '0']);
    const document: unknown = JSON.parse(stdout);
    const listed = isRunsDocument(document) ? document.pipelines : [];
    const good = new Set(listed.flatMap(({ pipeline_id: id, status }) => (status === 'success' ? [id] : [])));
    const violations = [
      ...bad,
      ...checkJournal(lab),
      ...(good.size === 2 * RUNS_EACH && listed.length === 2 * RUNS_EACH
        ? []
        : [`${listed.length} runs listed, ${good.size} of them successful, of ${2 * RUNS_EACH}`]),
      ...(lab.world().length === 2 * RUNS_EACH ? [] : [`${lab.world().length} lines in the world`]),
    ];
    return [{ name: 'two at once in one state folder', violations }];
  } finally {
    lab.dispose();
  }
}
