import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

interface ServiceFaults {
  readonly bootMs?: number;
  /** JavaScript that runs when it starts. */
  readonly bug?: string;
}

/** Files of a small service that answers with `text`; how it misbehaves is a file beside it, or a variable. */
export function writeService(
  folder: string,
  text: string,
  { bootMs = 0, bug = '' }: ServiceFaults = {},
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'server.mjs'), serverText(text, bootMs, bug));
}

function serverText(text: string, bootMs: number, bug: string): string {
  return `
${bug}
import http from 'node:http';
import { existsSync } from 'node:fs';
const server = http.createServer((request, response) => {
  const wait = Number(process.env.DELAY_MS ?? 0);
  setTimeout(() => {
    if (request.url === '/crash') process.exit(7);
    if (request.url === '/slow') return void setTimeout(() => response.end('slow ${text}'), 1500);
    if (process.env.BROKEN) { response.statusCode = 500; console.error(process.env.BROKEN); }
    response.end(${JSON.stringify(text)});
  }, wait);
});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
setTimeout(() => server.listen(Number(process.env.PORT), '127.0.0.1'), ${bootMs});
`;
}
