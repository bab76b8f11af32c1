import { readdirSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'rolldown';

/** What every program of dist/ is built with. */
const shared = {
  platform: 'node',
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  // Its build for Node looks into the environment at every token.
  resolve: { alias: { yaml: fileURLToPath(new URL('node_modules/yaml/browser/index.js', import.meta.url)) } },
  // The clients of daemons stay packages: they look for their own optional native parts, and few commands load them.
  external: ['bullmq', 'dockerode', 'ioredis', 'koffi', 'nodemailer', 'pg', 'ssh2'],
};

// Flat: a module that looks for a program beside itself finds it from any chunk.
const output = { dir: 'dist', format: 'esm', sourcemap: true };

/** CommonJS: Node keeps compiled functions of scripts, not of ES modules. */
const script = {
  ...output,
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  // One byte a character in memory, and no more of them than needed.
  charset: 'ascii',
  comments: false,
};

/** For src/start.ts, which calls it. */
const wrapped = {
  ...script,
  dynamicImportInCjs: false,
  postBanner: '(function (exports, require, module, __filename, __dirname, importModule) {',
  postFooter: '})',
};

const LAYOUT_ENGINE = "globalThis[Symbol.for('pipewright.layout-engine')]";

/** A script cannot wait while it is loaded, nor import modules; these would. */
const asScript = {
  name: 'as-script',
  transform(code, id) {
    if (id.endsWith('/src/config/custom-kinds.ts')) {
      return changed(code, [['await import(pathToFileURL', 'await importModule(pathToFileURL']]);
    }
    // Ink asks for React's development tools only with DEV=true; nobody installs them.
    if (id.endsWith('/ink/build/reconciler.js')) {
      return changed(code, [
        ["import.meta.resolve('react-devtools-core');", ''],
        ["await import('./devtools.js');", ''],
        ['await loadPackageJson()', '{}'],
      ]);
    }
    if (id.endsWith('/src/layout-engine.ts')) {
      const loaded = `import { loadYoga } from 'yoga-layout/load';
export async function loadLayoutEngine() { ${LAYOUT_ENGINE} = await loadYoga(); }`;
      return { code: loaded, map: null, moduleType: 'js' };
    }
    if (id.endsWith('/yoga-layout/dist/src/index.js')) {
      return changed(code, [['wrapAssembly(await loadYoga())', LAYOUT_ENGINE]]);
    }
    return undefined;
  },
};

const CHUNK = /-[\w-]{8}\.cjs(\.map)?$/;
/** Programs that were started from an older build and still run load chunks of it late. */
const KEEP_MS = 24 * 60 * 60 * 1000;

/** Chunks have their content in their name: those of older builds would stay for ever. */
const withoutOldChunks = {
  name: 'without-old-chunks',
  writeBundle({ dir }, bundle) {
    for (const name of readdirSync(dir)) {
      const file = `${dir}/${name}`;
      if (!CHUNK.test(name) || name in bundle || Date.now() - statSync(file).mtimeMs < KEEP_MS) continue;
      rmSync(file);
    }
  },
};

/** On the same lines, so that the source map stays right. */
function changed(code, replacements) {
  for (const [from, to] of replacements) {
    if (!code.includes(from)) throw new Error(`the build expects ${JSON.stringify(from)}`);
    code = code.replace(from, () => to);
  }
  return { code, map: null };
}

// log-filter and pump start once a step: one file each, nothing shared to link.
export default defineConfig([
  {
    ...shared,
    input: { main: 'src/main.ts' },
    plugins: [asScript, withoutOldChunks],
    output: wrapped,
  },
  { ...shared, input: { start: 'src/start.ts' }, output: script },
  // Loaded by the stage kinds of a project, which are ES modules.
  { ...shared, input: { api: 'src/api.ts' }, output },
  { ...shared, input: { 'log-filter': 'src/executors/local/log-filter.ts' }, output },
  { ...shared, input: { pump: 'src/streams/pump.ts' }, output },
  // Copied to hosts as it is.
  { ...shared, input: { proxy: 'src/delivery/proxy/proxy.ts' }, output },
  { ...shared, input: { 'splice-worker': 'src/streams/pump/splice-worker.ts' }, output },
  {
    ...shared,
    // Loaded by test runners in their own process, of whatever age: what every one of them takes.
    input: { 'live-reporter': 'src/delivery/reports/live-reporter.ts' },
    output: { ...output, format: 'cjs', entryFileNames: '[name].cjs', exports: 'default' },
  },
]);
