import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, valueOf } from '../support/results.ts';
import { parseIgnoreFile } from '../../src/executors/docker/ignore-file.ts';
import { collect, engineAt } from '../support/docker-rig.ts';
import { noDockerd, startDockerd, type TestDockerd } from '../support/dockerd.ts';

const FILES = [
  ['a.txt', 'b.md', 'dir/a.txt', 'dir/b.md', 'dir/sub/c.txt', 'dir/sub/deep/d.txt', 'foo', 'bar/foo'],
  ['node_modules/x/index.js', 'src/node_modules/y.js', '.git/config', '.env', 'bar/baz/foo', 'foobar'],
  ['we ird/na[me].txt', 'keep/me/not.txt', 'keep/me/yes.txt', '#hash', '!bang', 'ab/cd', 'abc/def.log'],
  ['x/y/z.log', 'z.log', '[a]', 'tmp1/f', 'tmp2/f'],
].flat();

/** Each is compared with what the docker command makes of it. */
const RULES = [
  ['', '*\n!dir', 'dir\n!dir/sub/c.txt', '**/node_modules', '*/foo', '# c\n\\#hash', 'foo\n!foo', '*\n!.env'],
  ['keep/**\n!keep/me/yes.txt', '/dir', 'dir/', '[a]*', '**/*.log\n!z.log', '**/sub/**', 'dir/**/d.txt'],
  ['**foo', 'we*/na\\[me\\].txt', 'dir/../bar', '  foo  ', '\\!bang', 'dir/sub\n!dir', '[^a]*', '../x'],
  ['*.txt\n!dir/*.txt\ndir/a*', '\uFEFFfoo', 'tmp?\n.dockerignore'],
].flat();

const folder = mkdtempSync(path.join(tmpdir(), 'pipewright-ignore-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a pattern that is none is named', () => {
  expect(failureOf(parseIgnoreFile('a\nb[\n'))).toEqual({
    reason: 'invalid',
    message: '.dockerignore: `b[` is not a pattern',
  });
});

test('an exception below a wildcard brings files back, which the classic docker command overlooks', () => {
  const { excludes, canSkipFolder } = valueOf(parseIgnoreFile('**\n!**/*.txt'));
  expect([excludes('dir'), canSkipFolder('dir'), excludes('dir/a.txt'), excludes('dir/b.md')]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

describe.skipIf(noDockerd() !== undefined)('.dockerignore', () => {
  let dockerd: TestDockerd;
  let engine: Awaited<ReturnType<typeof engineAt>>;
  beforeAll(async () => {
    for (const file of FILES) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), file);
    }
    writeFileSync(path.join(folder, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
    dockerd = await startDockerd();
    engine = await engineAt(`unix://${dockerd.socket}`);
  });
  afterAll(async () => {
    await engine.close();
    await dockerd.stop();
  });

  test('leaves out exactly what the docker command leaves out', { timeout: 120_000 }, async () => {
    for (const rules of RULES) {
      writeFileSync(path.join(folder, '.dockerignore'), rules);
      const env = { ...process.env, DOCKER_HOST: `unix://${dockerd.socket}`, DOCKER_BUILDKIT: '0' };
      const command = spawnSync('docker', ['build', '-q', '-t', 'command', folder], {
        env,
        encoding: 'utf8',
      });
      expect(command.stderr).not.toContain('error');
      valueOf((await collect(engine, folder, { tags: ['ours'] })).result);
      expect({ rules, files: await filesIn('ours') }).toEqual({ rules, files: await filesIn('command') });
    }
  });

  /** Names in the image, but for the Dockerfile: BuildKit keeps that in a context that is sent along. */
  async function filesIn(image: string): Promise<readonly string[]> {
    const container = await dockerd.docker.createContainer({ Image: image, Cmd: ['none'] });
    const tar = extract();
    (await container.export()).pipe(tar);
    const names: string[] = [];
    for await (const entry of tar) {
      names.push(entry.header.name);
      entry.resume();
    }
    await container.remove();
    return names.filter((name) => !/^(dev|etc|proc|sys|\.dockerenv|Dockerfile$)/.test(name)).toSorted();
  }
});
