import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';

/** Processes of services that a demo has left. */
function folderOf(output: string): string {
  const [, folder = ''] = /is in (\/\S+);/.exec(output) ?? [];
  return folder;
}

test(
  'demo deploys two versions while clients ask, and no request is lost',
  { timeout: 120_000 },
  async () => {
    using project = temporaryProject({});
    const { code, stdout, stderr } = await project.run(['demo']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/first-deploy: no rollback available/);
    const [, sent = '0'] = /(\d+) requests by the clients, 0 failed\./.exec(stdout) ?? [];
    expect(Number(sent)).toBeGreaterThan(50);
    expect(stdout.match(/✓ success/g)).toHaveLength(2);
    expect(existsSync(folderOf(stdout))).toBe(false);
  },
);

test(
  'demo --break: the watchdog sees the bug, both services come back in reverse order, exit 5',
  { timeout: 120_000 },
  async () => {
    using project = temporaryProject({});
    const { code, stdout } = await project.run(['demo', '--break', '--dir', 'shop']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/watchdog: web@local: \d+ x 500 at \//);
    const order = [...stdout.matchAll(/rollback: (\w+)@local │ \w+@local: (kept warm)/g)].map(
      ([, service, way]) => `${service} ${way}`,
    );
    expect(order).toEqual(['web kept warm', 'api kept warm']);
    expect(stdout).toMatch(/↩ deploy {3}rolled_back/);
    const registry: unknown = JSON.parse(
      readFileSync(`${project.root}/shop/state/rollback-registry.json`, 'utf8'),
    );
    expect(registry).toMatchObject({
      environments: {
        default: {
          api: {
            current: { verdict: 'healthy' },
            releases: [{ verdict: 'rolled_back' }, { verdict: 'healthy' }],
          },
          web: { bad_commits: [expect.stringMatching(/^[0-9a-f]{40}$/)] },
        },
      },
    });
  },
);
