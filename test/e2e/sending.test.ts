import { randomBytes } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';
import { hasMachines, startMachine } from '../support/machines.ts';
import { startProxy } from '../support/proxy.ts';
import { onPty } from '../support/pty.ts';
import { hasSshd, startSshd } from '../support/sshd.ts';

const PORT = 8078;
const SERVER = `import http from 'node:http';
http.createServer((_, response) => response.end('web 1')).listen(Number(process.env.PORT), '127.0.0.1');
`;

describe.skipIf(!hasSshd() || !hasMachines())('a release on its way to a host', () => {
  test('its bytes, rate and time left are shown at the gate', async () => {
    await using server = await startSshd();
    await using machine = await startMachine('slow', server);
    await using wire = await startProxy(machine.port, { bytesPerSecond: 6e6 });
    appendFileSync(
      server.knownHosts,
      server.hostKeys.map((key) => `[127.0.0.1]:${wire.port} ${key}\n`).join(''),
    );
    using project = temporaryProject({
      'pipewright.yaml': `project: shop
contexts:
  slow: {type: ssh, host: 127.0.0.1, port: ${wire.port}, user: ${server.user}, agent: false, identity_file: ${server.identityFile}, known_hosts: ${server.knownHosts}}
build: {services: {web: {output: web}}}
deploy:
  hosts: [slow]
  min_free_disk: 10MB
  services:
    web: {port: ${PORT}, strategy: recreate, command: exec node server.mjs, stop_timeout: 1s, health: {interval: 100ms, timeout: 9s}}
`,
      'pipelines/ship.yaml': `name: ship
stages:
  - {name: build, uses: service-build}
  - {name: deploy, uses: deploy}
`,
      'web/server.mjs': SERVER,
    });
    writeFileSync(path.join(project.root, 'web/large'), randomBytes(20_000_000));
    await using program = onPty(['run', 'ship', '-y', '--output', 'plain'], { cwd: project.root });
    const screen = await program.shows('→ slow', '/s ETA: ');
    expect(screen).toMatch(
      /gate: web:\S+ → slow\s+\d+\.\d% \[=*>?\.*\] \S+ \wi?B\/\S+ MiB \S+ \wi?B\/s ETA: \S+/,
    );
    expect(await program.ended).toBe(0);
    expect(await machine.ask(`http://127.0.0.1:${PORT}/`)).toBe('web 1');
  });
});
