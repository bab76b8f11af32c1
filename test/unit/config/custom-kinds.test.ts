import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type ConfigRig, configRig } from '../../support/config-rig.ts';

const root = new URL('../../../', import.meta.url);

/** In a process of its own, as users have it: module hooks change how the whole process imports. */
async function loadIn(rig: ConfigRig): Promise<unknown> {
  await rig.write(
    'api.ts',
    `export { defineStage } from '${new URL('src/core/stage-kind.ts', root).href}';
export { z } from '${import.meta.resolve('zod')}';
`,
  );
  const script = await rig.write(
    'load.ts',
    `import { loadCustomKinds } from '${new URL('src/config/custom-kinds.ts', root).href}';
const builtIn = { shell: {} };
const { kinds, diagnostics } = await loadCustomKinds('.', {
  apiUrl: '${pathToFileURL(rig.file('api.ts')).href}',
  builtIn,
});
const ran = await kinds['hello']?.run({ who: 'you' }, {});
console.log(JSON.stringify({ kinds: Object.keys(kinds), ran, diagnostics }));
`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', script], {
    cwd: rig.folder,
  });
  return JSON.parse(stdout);
}

const NEVER = 'it never finishes loading, or ends the program while it does';

test('a project adds stage kinds, and what is wrong with one says so without a stack', async () => {
  await using rig = await configRig();
  const kind = (name: string, text: string) => rig.write(`pipelines/kinds/${name}`, text);
  await kind(
    'hello.js',
    `import { defineStage, z } from 'pipewright';
export default defineStage({
  kind: 'hello', summary: 'Say hello.', schema: z.object({ who: z.string() }),
  run: async ({ who }) => ({ ok: true, value: { said: who } }),
});`,
  );
  await kind(
    'made.mjs',
    `export const stage = ({ defineStage, z }) =>
  defineStage({ kind: 'made', summary: 'x', schema: z.strictObject({}), effects: 'none', run() {} });`,
  );
  await kind(
    'n-clash.js',
    `export default ({ z }) => ({ kind: 'shell', summary: 'x', schema: z.object({}), run() {} });`,
  );
  await kind('n-await.js', 'await new Promise(() => {});');
  await kind('n-exit.js', 'console.log("bye");\nprocess.exit(0);');
  await kind('n-loop.js', 'for (;;);');
  await kind('n-empty.js', 'export const nothing = 1;');
  await kind('n-import.js', `import 'no-such-package-at-all';`);
  await kind('n-schema.js', `export default { kind: 'x', summary: 'x', schema: {}, run() {} };`);
  await kind('n-syntax.js', 'export default {\n  kind: "q",\n  oops oops\n};');
  await kind('n-throw.js', 'const x = 1;\nthrow new Error("bad\\nday");');
  await kind(
    'n-twice.js',
    `export default ({ z }) => ({ kind: 'hello', summary: 'x', schema: z.object({}), run() {} });`,
  );
  await kind('readme.md', 'not a kind');
  const problem = (name: string, line: number, column: number, message: string) =>
    expect.objectContaining({
      severity: 'error',
      file: rig.file(`pipelines/kinds/${name}`),
      line,
      column,
      message,
    });
  const result = await loadIn(rig);
  expect(result).toEqual({
    kinds: ['hello', 'made'],
    ran: { ok: true, value: { said: 'you' } },
    diagnostics: [
      problem('n-await.js', 1, 1, NEVER),
      problem('n-clash.js', 1, 1, 'a stage kind "shell" is already there; choose another name'),
      problem('n-empty.js', 1, 1, 'exports no stage kind'),
      problem('n-exit.js', 1, 1, NEVER),
      problem(
        'n-import.js',
        1,
        1,
        `cannot be loaded: Cannot find package 'no-such-package-at-all' imported from ${rig.file('pipelines/kinds/n-import.js')}`,
      ),
      problem('n-loop.js', 1, 1, 'it did not finish loading within 5 s'),
      problem('n-schema.js', 1, 1, `the stage kind's "schema" must be a zod 4 schema`),
      problem('n-syntax.js', 3, 8, `cannot be loaded: Unexpected identifier 'oops'`),
      problem('n-throw.js', 2, 7, 'cannot be loaded: bad'),
      problem('n-twice.js', 1, 1, 'a stage kind "hello" is already there; choose another name'),
    ],
  });
  expect(JSON.stringify(result)).not.toContain('    at ');
});

test('a project without kinds has none', async () => {
  await using rig = await configRig();
  expect(await loadIn(rig)).toEqual({ kinds: [], diagnostics: [] });
});
