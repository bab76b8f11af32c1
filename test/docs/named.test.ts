import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { GLOBAL_OPTIONS } from '../../src/cli/options.ts';
import { KEYMAP } from '../../src/ui/keymap.ts';
import { allPages, type Page } from './pages.ts';
import { ROOT } from './reference.ts';

const pages = allPages();

/** Code words and lines of code blocks; `` `a` `` in prose names something, prose itself does not. */
function codeOf({ text }: Page): readonly string[] {
  const fenced = [...text.matchAll(/^```\w*\n([^]*?)^```$/gm)].flatMap(([, code = '']) => code.split('\n'));
  const indented = [...text.matchAll(/^ {4}(pipewright .*)$/gm)].map(([, code = '']) => code);
  const words = [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...fenced, ...indented, ...words];
}

const sources = new Map(
  globSync('{src,bin,test}/**/*.{ts,tsx,js}', { cwd: ROOT }).map((file) => [
    file,
    readFileSync(path.join(ROOT, file), 'utf8'),
  ]),
);

test('every option that a documented command line gives is one of that command, or a parameter', () => {
  const lines = pages.flatMap((page) =>
    codeOf(page).flatMap((code) =>
      [...code.matchAll(/\bpipewright ([a-z]+)( [^#|;]*)?/g)].map(([, name = '', rest = '']) => ({
        file: page.file,
        command: COMMANDS.find((command) => command.name === name),
        options: [...rest.matchAll(/ --([a-z][\w-]*)/g)].map(([, option = '']) => option),
      })),
    ),
  );
  expect(lines.filter(({ options }) => options.length > 0).length).toBeGreaterThan(30);
  const unknown = lines.flatMap(({ file, command, options }) => {
    if (!command || command.takesParameters) return [];
    const known = new Set([...command.options, ...GLOBAL_OPTIONS].map(({ name }) => name));
    return options
      .filter((option) => !known.has(option))
      .map((option) => `${file}: ${command.name} --${option}`);
  });
  expect(unknown).toEqual([]);
});

/** Options of other programs that our pages speak of. */
const FOREIGN =
  /^--(?:no-deps|no-verify|end-of-options|bridge|test|force|long|size|keep|rounds|strict|version|scale|prune|all|no-cache|privileged|init)\b/;

test('every option that stands alone in a page is one of ours', () => {
  const known = new Set(
    [...COMMANDS.flatMap(({ options }) => options), ...GLOBAL_OPTIONS].map(({ name }) => `--${name}`),
  );
  const alone = pages.flatMap((page) =>
    codeOf(page)
      .filter((code) => /^--[a-z]/.test(code))
      .map((code) => ({ file: page.file, option: code.split(/[ =]/)[0] ?? '' })),
  );
  expect(alone.length).toBeGreaterThan(20);
  // Parameters of a pipeline are flags too: of those that we ship, and of examples.
  const shipped = new Set(
    globSync('pipelines/*.yaml', { cwd: ROOT }).flatMap((file) => {
      const { params }: { readonly params?: object } = parse(readFileSync(path.join(ROOT, file), 'utf8'));
      return Object.keys(params ?? {}).map((name) => `--${name}`);
    }),
  );
  const isParameter = (option: string): boolean =>
    shipped.has(option) || /^--(?:k|NAME|name|channel|source|env|fast|dry|option)$/i.test(option);
  const unknown = alone.filter(
    ({ option }) => !known.has(option) && !FOREIGN.test(option) && !isParameter(option),
  );
  expect(unknown).toEqual([]);
});

test('every file of this repository that a page names is there', () => {
  const named = pages.flatMap((page) =>
    codeOf(page).flatMap((code) =>
      [...code.matchAll(/(?<![\w./-])(?:src|test|bin|docs)\/[\w./-]*\w/g)].map(([file]) => ({
        page: page.file,
        file,
      })),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  // A path in an example is not of this repository.
  const isExample = (file: string): boolean =>
    /^docs\/test-scenarios|^src\/(?:lib|pages|components|api|routes|price|index)\b/.test(file);
  expect(named.filter(({ file }) => !isExample(file) && !existsSync(path.join(ROOT, file)))).toEqual([]);
});

test('every script of package.json that a page runs is there, and every one is named somewhere', () => {
  const manifest: { readonly scripts: Record<string, string> } = JSON.parse(
    readFileSync(path.join(ROOT, 'package.json'), 'utf8'),
  );
  const text = pages.map((page) => page.text).join('\n');
  const ours = pages.filter(({ file }) => /measure|README|architecture|operations|screen/.test(file));
  const run = ours.flatMap((page) =>
    codeOf(page).flatMap((code) => [...code.matchAll(/npm run ([a-z:]+)/g)]),
  );
  const examples = new Set(['docs', 'build', 'lint', 'test']);
  const unknown = run
    .map(([, name = '']) => name)
    .filter((name) => !(name in manifest.scripts) && !examples.has(name));
  expect(unknown).toEqual([]);
  const parts = new Set([
    'prepare',
    'prepack',
    'start',
    'typecheck',
    'lint',
    'format',
    'format:check',
    'knip',
    'architecture',
  ]);
  const silent = Object.keys(manifest.scripts).filter(
    (name) => !parts.has(name) && !text.includes(`npm run ${name}`) && !text.includes(`npm ${name}`),
  );
  expect(silent).toEqual([]);
});

test('every variable of the environment that a page names is read or set, and the other way round', () => {
  const variablesOf = (files: readonly (readonly [string, string])[]): ReadonlySet<string> =>
    new Set(
      files.flatMap(([, text]) => [...text.matchAll(/\bPIPEWRIGHT_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)),
    );
  const inCode = variablesOf([...sources].filter(([file]) => !file.startsWith('test/')));
  // A bench may have settings of its own.
  const inBenches = variablesOf([...sources].filter(([file]) => file.startsWith('test/bench/')));
  const inPages = new Set(
    pages.flatMap(({ text }) => [...text.matchAll(/\bPIPEWRIGHT_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)),
  );
  expect([...inPages].filter((name) => !inCode.has(name) && !inBenches.has(name))).toEqual([]);
  // Between Pipewright and programs that it starts itself: copies and the reporter of tests.
  const isInternal = (name: string): boolean => /^PIPEWRIGHT_(?:C|V|LIVE)(?:_|$)/.test(name);
  expect([...inCode].filter((name) => !inPages.has(name) && !isInternal(name))).toEqual([]);
});

test('every key that the page of the screen names is bound, whatever it is called there', () => {
  const bound = new Set(Object.values(KEYMAP).flatMap((bindings) => bindings.flatMap(({ keys }) => keys)));
  const page = pages.find(({ file }) => file === 'docs/screen.md');
  const named = page ? codeOf(page).filter((code) => /^(?:.|ctrl[-+].)$/u.test(code)) : [];
  expect(named.length).toBeGreaterThan(30);
  expect(named.map((key) => key.replace('ctrl-', 'ctrl+')).filter((key) => !bound.has(key))).toEqual([]);
});

test('every page is reached from the list of pages, and every shipped pipeline is named', () => {
  const list = pages.find(({ file }) => file === 'docs/README.md')?.text ?? '';
  const own = pages
    .map(({ file }) => file.replace(/^docs\//, ''))
    .filter((file) => /^[\w-]+\.md$/.test(file));
  const silent = own.filter((file) => !/^(?:README|CHANGELOG)/.test(file) && !list.includes(`(${file})`));
  expect(silent).toEqual([]);
  const text = pages.map((page) => page.text).join('\n');
  const pipelines = globSync('pipelines/*.yaml', { cwd: ROOT }).map((file) => path.basename(file, '.yaml'));
  expect(pipelines.length).toBeGreaterThan(4);
  expect(pipelines.filter((name) => !text.includes(name))).toEqual([]);
});

test('the Korean README leads to the same pages and shows the same commands as the English one', () => {
  const [english, korean] = ['README.md', 'README.ko.md'].map((file) => {
    const page = pages.find((one) => one.file === file);
    if (!page) throw new Error(`no ${file}`);
    const links = [...page.text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const commands = codeOf(page).flatMap((code) =>
      [...code.matchAll(/(?:pipewright|npm(?: run)?) [a-z][a-z:]*/g)].map(([command]) => command),
    );
    return { links: new Set(links), commands: new Set(commands) };
  });
  const missing = (kind: 'links' | 'commands'): readonly string[] =>
    [...(english?.[kind] ?? [])].filter((one) => !korean?.[kind].has(one) && one !== 'README.ko.md');
  expect(english?.links.size).toBeGreaterThan(40);
  expect({ links: missing('links'), commands: missing('commands') }).toEqual({ links: [], commands: [] });
});
