import { readFileSync } from 'node:fs';
import { freePort } from '../../support/free-port.ts';
import { mustEnd, temporaryProject, type TemporaryProject } from '../../support/cli.ts';

export interface Shop extends AsyncDisposable {
  readonly project: TemporaryProject;
  readonly ports: { readonly api: number; readonly web: number };
  /** What a service says and how it misbehaves: part of its release. */
  readonly write: (service: 'api' | 'web', version: Version) => void;
  readonly url: (service: 'api' | 'web') => string;
  /** The watchdog takes note of answers that are this much slower than before, until it is called with nothing. */
  readonly watchLatency: (floor?: string) => void;
  /** The answer that clients of the service get; `none` without one. */
  readonly says: (service: 'api' | 'web') => Promise<string>;
  readonly folder: (service: 'api' | 'web') => string;
}

interface Version {
  readonly says: string;
  /** JavaScript that runs before each answer; `probes` counts how often smoke test and watchdog have asked for `/`. */
  readonly bug?: string;
}

const PIPELINE = `name: ship
params:
  allow_bad: {type: bool, default: false}
  redeploy: {type: bool, default: false}
stages:
  - {name: build, uses: service-build}
  - {name: deploy, uses: deploy, on_failure: rollback, on_interrupt: retry}
  - {name: verify, uses: verify, on_failure: rollback, on_interrupt: retry}
`;

/** Of a machine that others use too: no look is slower than this without a reason. */
const LATENCY_FLOOR = 'latency_floor: 3s';

/** Two services on this machine; their watchdog looks for a second and a half. */
export async function openShop({
  strategy = 'start-first',
}: { readonly strategy?: string } = {}): Promise<Shop> {
  const ports = { api: await freePort(), web: await freePort() };
  const service = (port: number): string =>
    `{port: ${port}, command: exec node server.mjs, drain: 2s, stop_timeout: 1s, health: {interval: 100ms, timeout: 4s}}`;
  const project = temporaryProject({
    'pipewright.yaml': `project: shop
safety: {max_consecutive_failures: 0}
build: {services: {api: {output: api}, web: {output: web}}}
deploy:
  strategy: ${strategy}
  min_free_disk: 10MB
  services:
    api: ${service(ports.api)}
    web: ${service(ports.web)}
verify:
  smoke: {endpoints: [{path: /}]}
  watchdog: {duration: 1500ms, interval: 300ms, samples: 3, ${LATENCY_FLOOR}}
`,
    'pipelines/ship.yaml': PIPELINE,
  });
  const shop: Shop = {
    project,
    ports,
    write: (name, version) => project.write(`${name}/server.mjs`, serverText(version)),
    url: (name) => `http://127.0.0.1:${ports[name]}/`,
    watchLatency: (floor) => {
      const settings = readFileSync(`${project.root}/pipewright.yaml`, 'utf8');
      const wanted = floor === undefined ? LATENCY_FLOOR : `latency_floor: ${floor}`;
      project.write('pipewright.yaml', settings.replace(/latency_floor: \w+/, wanted));
    },
    says: async (name) => {
      const answer = await fetch(shop.url(name)).catch(() => undefined);
      return answer ? answer.text() : 'none';
    },
    folder: (name) => `${project.root}/.pipewright/shop/default/${name}`,
    [Symbol.asyncDispose]: async () => {
      await project.run(['demo', '--end', '--dir', '.']);
      project[Symbol.dispose]();
    },
  };
  shop.write('api', { says: 'api 1' });
  shop.write('web', { says: 'web 1' });
  return shop;
}

/** A shop whose first version serves, deployed by the built program. */
export async function openServingShop(): Promise<Shop> {
  const shop = await openShop();
  mustEnd(await shop.project.run(['run', 'ship', '-y']));
  return shop;
}

function serverText({ says, bug = '' }: Version): string {
  return `import http from 'node:http';
let probes = 0;
const server = http.createServer(async (request, response) => {
  if (request.url === '/' && request.headers['x-pipewright-probe']) probes += 1;
  ${bug}
  response.end(${JSON.stringify(says)});
});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(Number(process.env.PORT), '127.0.0.1');
`;
}
