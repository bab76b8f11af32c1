import { defineConfig } from 'rolldown';

/** What every program of dist/ is built with. */
const shared = {
  platform: 'node',
  transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  // react-devtools-core: Ink asks for it only with DEV=true; nobody installs it.
  // The clients of daemons stay packages: they look for their own optional native parts, and few commands load them.
  external: ['react-devtools-core', 'dockerode', 'koffi', 'nodemailer', 'ssh2'],
};

// Flat: a module that looks for a program beside itself finds it from any chunk.
const output = { dir: 'dist', format: 'esm', sourcemap: true };

// log-filter and pump start once a step: one file each, nothing shared to link.
export default defineConfig([
  {
    ...shared,
    input: { main: 'src/main.ts', api: 'src/api.ts' },
    output,
  },
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
