import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { loadPipeline } from '../../src/config/load-pipeline.ts';
import { loadProject } from '../../src/config/project.ts';
import type { StageKind } from '../../src/core/stage-kind.ts';
import { stageKinds } from '../../src/stages/index.ts';
import { allPages, anchorsOf, type Block, blocksOf } from './pages.ts';
import { ROOT } from './reference.ts';

const pages = allPages();
const blocks = pages.flatMap(blocksOf);
const inYaml = blocks.filter(({ language }) => language === 'yaml');
const pipelines = inYaml.filter(({ isFragment, text }) => !isFragment && isPipeline(text));

let folder = '';
let kinds: Readonly<Record<string, StageKind>> = stageKinds;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'pipewright-docs-'));
  await mkdir(path.join(folder, 'pipelines'));
  // The pipeline that the example of an inner one names.
  await writeFile(
    path.join(folder, 'pipelines/build-image.yaml'),
    'params: {tag: }\nstages: [{name: build, steps: [{command: "echo {{.tag}}", output: "variable:digest"}]}]\n',
  );
  kinds = { ...stageKinds, ...(await kindsOfDocs()) };
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The stage kinds that docs/custom-kinds.md writes, imported as a project would. */
async function kindsOfDocs(): Promise<Record<string, StageKind>> {
  const api = path.join(folder, 'api.ts');
  await writeFile(
    api,
    `export { defineStage } from '${pathToFileURL(path.join(ROOT, 'src/core/stage-kind.ts')).href}';
export { z } from '${import.meta.resolve('zod')}';\n`,
  );
  const found: Record<string, StageKind> = {};
  for (const { text } of blocks.filter(
    (block) => block.language === 'js' && block.text.includes('defineStage'),
  )) {
    const file = path.join(folder, `kind-${Object.keys(found).length}.mjs`);
    await writeFile(file, text.replace("'pipewright'", `'${pathToFileURL(api).href}'`));
    const loaded: { readonly default: StageKind } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    found[loaded.default.kind] = loaded.default;
  }
  return found;
}

function isPipeline(text: string): boolean {
  return /^(?:stages|steps):|^pipeline:\n(?: .*\n)*? +(?:stages|steps):/m.test(text);
}

function titleOf({ file, line }: Block): string {
  return `${file}:${line}`;
}

async function problemsOf(text: string): Promise<readonly string[]> {
  const file = path.join(folder, 'pipelines', 'example.yaml');
  await writeFile(file, text);
  const project = await loadProject(folder);
  if (!project.ok) throw new Error('a folder without pipewright.yaml is a project');
  const loaded = await loadPipeline(file, { kinds, project: project.value });
  const diagnostics = loaded.ok ? loaded.warnings : loaded.failure;
  return diagnostics.map(({ line, message }) => `line ${line}: ${message}`);
}

test('there are examples in the README and in the guides', () => {
  const files = new Set(pipelines.map(({ file }) => file));
  expect([...files]).toEqual(
    expect.arrayContaining(['README.md', 'docs/pipelines.md', 'docs/templates.md', 'docs/custom-kinds.md']),
  );
  expect(pipelines.length).toBeGreaterThan(15);
});

test.each(pipelines.map((block) => [titleOf(block), block.text]))(
  'the pipeline at %s loads without an error or a warning',
  async (_title, text) => {
    expect(await problemsOf(text)).toEqual([]);
  },
);

const projects = inYaml.filter(({ text }) => text.startsWith('# pipewright.yaml\n'));

test.each(projects.map((block) => [titleOf(block), block.text]))(
  'the project file at %s is right',
  async (_title, text) => {
    const root = await mkdtemp(path.join(folder, 'project-'));
    await writeFile(path.join(root, 'pipewright.yaml'), text);
    const project = await loadProject(root);
    expect(project.ok ? [] : project.failure).toEqual([]);
  },
);

const others = inYaml.filter((block) => !pipelines.includes(block) && !projects.includes(block));

test.each(others.map((block) => [titleOf(block), block]))(
  'the YAML at %s is a marked fragment, and YAML',
  (_title, block) => {
    expect(block.isFragment).toBe(true);
    expect(() => parse(block.text)).not.toThrow();
  },
);

/** Rows of the table of what is refused: what is written, up to the first cell border. */
const guide = pages.find(({ file }) => file === 'docs/templates.md')?.text ?? '';
const table = /## What is refused when the file is loaded[^]*?(?=\n## )/.exec(guide)?.[0] ?? '';
const rows = [...table.matchAll(/^\| (`.*?) \| .* \| (.*) \|$/gm)].map(([, written = '', instead = '']) => ({
  written: commandsIn(written),
  instead: commandsIn(instead),
}));

/** Whole commands in code marks of a cell; names of programs and variables alone are none. */
function commandsIn(text: string): readonly string[] {
  return [...text.matchAll(/``? ?((?:[^`]|(?<= )`[^`]+`(?= ))+?) ?``?(?!`)/g)]
    .map(([, code = '']) => code.replaceAll('\\|', '|').replaceAll('…', 'x'))
    .filter((code) => code.includes('{{') && !code.startsWith('{{raw'));
}

/** As the table shows it; arithmetic needs a command around it. */
async function problemsOfCommand(command: string): Promise<readonly string[]> {
  const text = command.startsWith('$(') || command.startsWith('`') ? `echo ${command}` : command;
  return problemsOf(`stages:\n  - {name: s, steps: [${JSON.stringify(text)}]}\n`);
}

test.each(rows.flatMap(({ written }) => written.map((command) => [command])))(
  'docs say that %s is refused, and it is',
  async (command) => {
    expect(await problemsOfCommand(command)).toHaveLength(1);
  },
);

test.each(rows.flatMap(({ instead }) => instead.map((command) => [command])))(
  'docs say to write %s instead, and it is accepted',
  async (command) => {
    expect(await problemsOfCommand(command)).toEqual([]);
  },
);

test('the table of refusals is read whole', () => {
  expect(rows).toHaveLength(13);
  expect(rows.flatMap(({ written }) => written).length).toBeGreaterThanOrEqual(10);
});

const NOT_COMMANDS = /^(?:alone|in|is|itself|was|kill|never|reads|prints|needs)$/;

test('every command that the documentation names is one', () => {
  const known = new Set<string>(COMMANDS.map(({ name }) => name));
  const named = pages.flatMap(({ file, text }) =>
    codeOf(text).flatMap((code) =>
      [...code.matchAll(/(?:^|[\s(])pipewright ([a-z][a-z-]*)/gm)].map(([, word = '']) => ({ file, word })),
    ),
  );
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter(({ word }) => !known.has(word) && !NOT_COMMANDS.test(word))).toEqual([]);
});

/** Code blocks and code words; prose may say "pipewright" as it likes. */
function codeOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(/^```(?:sh|text)?\n([^]*?)^```$/gm)].map(([, code = '']) => code);
  const words = [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...fenced, ...words];
}

test('every relative link leads to a page, and to a heading where it names one', () => {
  const byFile = new Map(pages.map((page) => [page.file, page]));
  const broken = pages.flatMap((page) => {
    const prose = page.text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
    return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
      if (/^[a-z]+:/.test(target)) return [];
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? page.file : path.join(path.dirname(page.file), file);
      if (!existsSync(path.join(ROOT, linked))) return [`${page.file}: ${target}`];
      const there = byFile.get(linked);
      return anchor === undefined || (there && anchorsOf(there).has(anchor))
        ? []
        : [`${page.file}: ${target}`];
    });
  });
  expect(broken).toEqual([]);
});
