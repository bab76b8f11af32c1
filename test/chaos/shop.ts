import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../support/free-port.ts';
import { git } from '../support/repositories.ts';
import { createLab, type Lab } from './lab.ts';

export type ServiceName = 'api' | 'web';

/** A lab whose project is a repository with tests and two services, deployed by the shipped autopilot. */
export interface ShopLab {
  readonly lab: Lab;
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** Commits services that answer with these texts. */
  readonly commit: (says: Readonly<Record<ServiceName, string>>) => void;
  /** What clients of the service are told; `none` without an answer. */
  readonly says: (service: ServiceName) => Promise<string>;
  /** Ends the services and removes the folder. */
  readonly close: () => Promise<void>;
}

/** Nothing is deployed yet. */
export async function openShopLab(): Promise<ShopLab> {
  const lab = createLab({});
  const ports = { api: await freePort(), web: await freePort() };
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(lab.folder, file)), { recursive: true });
    writeFileSync(path.join(lab.folder, file), text);
  };
  write('pipewright.yaml', projectFile(ports));
  write('.gitignore', 'state/\n.pipewright/\ncli.pid\n');
  write('package.json', '{"name": "shop", "private": true, "scripts": {"test": "node --test"}}\n');
  write('test/shop.test.mjs', TEST);
  git(lab.folder, ['init', '-q', '-b', 'main']);
  const urls = { api: `http://127.0.0.1:${ports.api}/`, web: `http://127.0.0.1:${ports.web}/` };
  return {
    lab,
    urls,
    commit: ({ api, web }) => {
      write('api/server.mjs', serverText(api));
      write('web/server.mjs', serverText(web));
      git(lab.folder, ['add', '-A']);
      git(lab.folder, ['commit', '-q', '-m', `${api}, ${web}`]);
    },
    says: async (service) => {
      const answer = await fetch(urls[service]).catch(() => undefined);
      return answer ? answer.text() : 'none';
    },
    close: async () => {
      await lab.cli(['demo', '--end', '--dir', '.']);
      lab.dispose();
    },
  };
}

function projectFile({ api, web }: Readonly<Record<ServiceName, number>>): string {
  const service = (port: number): string =>
    `{port: ${port}, command: exec node server.mjs, drain: 2s, stop_timeout: 1s, health: {interval: 100ms, timeout: 10s}}`;
  return `project: shop
safety: {max_consecutive_failures: 0}
analyze: {categories: {backend: ['api/'], frontend: ['web/']}}
build: {services: {api: {output: api, categories: [backend]}, web: {output: web, categories: [frontend]}}}
deploy:
  strategy: start-first
  min_free_disk: 10MB
  services:
    api: ${service(api)}
    web: ${service(web)}
verify:
  smoke: {endpoints: [{path: /}]}
  watchdog: {duration: 1500ms, interval: 300ms, samples: 3, latency_floor: 500ms}
`;
}

const TEST = `import test from 'node:test';
test('takes a moment', () => new Promise((resolve) => setTimeout(resolve, 300)));
`;

function serverText(says: string): string {
  return `import http from 'node:http';
const server = http.createServer((request, response) => response.end(${JSON.stringify(says)}));
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(Number(process.env.PORT), '127.0.0.1');
`;
}
