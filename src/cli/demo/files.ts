/** Version of the shop that a file belongs to; `broken` begins to answer 500 after a while. */
export type DemoVersion = 'first' | 'second' | 'broken';

export interface DemoPorts {
  readonly api: number;
  readonly web: number;
}

/** Every file of the demo's project. */
export function projectFiles(ports: DemoPorts): Readonly<Record<string, string>> {
  return {
    'pipewright.yaml': projectFile(ports),
    'package.json': `${JSON.stringify({ name: 'shop', private: true, type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
    '.gitignore': 'state/\n.pipewright/\nnode_modules/\n',
    'test/price.test.mjs': TEST,
    'api/price.mjs': price('first'),
    'api/server.mjs': API,
    'web/server.mjs': web('first'),
    ...versionFiles('first'),
  };
}

/** What a new version changes. */
export function versionFiles(version: DemoVersion): Readonly<Record<string, string>> {
  return { 'api/price.mjs': price(version), 'web/server.mjs': web(version) };
}

function projectFile({ api, web: webPort }: DemoPorts): string {
  return `# The demo of Pipewright: two services on this machine, without Docker.
version: 1
project: { name: shop, description: A price and a page that shows it }

analyze:
  categories: { backend: ['api/'], frontend: ['web/'] }

build:
  services:
    api: { output: api, categories: [backend] }
    web: { output: web, categories: [frontend] }

deploy:
  runtime: process          # release folders below .pipewright, no Docker
  strategy: start-first     # the new version beside the old one, then a switch: no request is lost
  min_free_disk: 50MB       # 2GB unless you say so
  services:
    api:
      port: ${api}
      command: exec node server.mjs
      health: { interval: 200ms, timeout: 15s }
      drain: 2s
      stop_timeout: 2s
    web:
      port: ${webPort}
      command: exec node server.mjs
      health: { interval: 200ms, timeout: 15s }
      drain: 2s
      stop_timeout: 2s

verify:
  smoke:
    endpoints: [{ path: /, service: web }, { path: /price, service: api }]
  watchdog:                 # shortened for the demo: 30s each 5s unless you say so
    duration: 5s
    interval: 1s
    samples: 5
    latency_floor: 1s      # your machine may be busy with other things
`;
}

const TEST = `import assert from 'node:assert/strict';
import test from 'node:test';
import { price } from '../api/price.mjs';

test('a price is a number', () => assert.equal(typeof price(), 'number'));
test('nothing is free', () => assert.ok(price() > 0));
`;

function price(version: DemoVersion): string {
  return `export const price = () => ${version === 'first' ? 12 : 9};\n`;
}

const STOP = `// Running requests end, then we do.
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(process.env.PORT), '127.0.0.1');
`;

const API = `import http from 'node:http';
import { price } from './price.mjs';

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ price: price(), release: process.env.PIPEWRIGHT_RELEASE }));
});
${STOP}`;

function web(version: DemoVersion): string {
  const fails =
    version === 'broken'
      ? `  // The bug: a cache that is full after a while. Tests and the health check do not see it.
  if (request.url === '/' && Date.now() - started > 2500) response.statusCode = 500;
`
      : '';
  return `import http from 'node:http';

const started = Date.now();
const server = http.createServer((request, response) => {
${fails}  response.end(request.url === '/health' ? 'ok' : '<h1>Shop</h1><p>${version === 'first' ? 'Welcome' : 'Sale!'}</p>');
});
console.log('shop, started', started);
${STOP}`;
}
