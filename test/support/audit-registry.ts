import { once } from 'node:events';
import http from 'node:http';

/** What `npm audit` asks a registry, answered from here. */
export interface AuditRegistry extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly string[];
}

/** `advisories` by package; with `status` every question for advisories is refused with it, as registries without an audit do. */
export async function startAuditRegistry(
  advisories: Readonly<Record<string, readonly object[]>>,
  { status = 200 }: { readonly status?: number } = {},
): Promise<AuditRegistry> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const name = request.url ?? '';
    asked.push(`${request.method} ${name}`);
    response.setHeader('content-type', 'application/json');
    if (name.startsWith('/-/npm/v1/security/')) {
      response.statusCode = status;
      response.end(JSON.stringify(status === 200 ? advisories : { error: 'Method Not Allowed' }));
      return;
    }
    const packageName = decodeURIComponent(name.slice(1));
    const versions = { '1.0.0': { name: packageName, version: '1.0.0', dist: {} } };
    response.end(JSON.stringify({ name: packageName, versions, 'dist-tags': { latest: '1.0.0' } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
