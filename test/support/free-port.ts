import { readFileSync } from 'node:fs';
import net from 'node:net';
import process from 'node:process';

const FIRST = 10_000;
const USUAL_END = 32_768;
/** More than there are workers of one test run. */
const SHARES = 16;

const given = new Set<number>();

/**
 * A port of 127.0.0.1 on which nobody listens at this moment, and that nobody else is given: none that the system
 * hands out by itself, none that another worker of this test run would take.
 */
export async function freePort(): Promise<number> {
  const share = Number(process.env['VITEST_POOL_ID'] ?? process.pid) % SHARES;
  const rows = Math.floor((endOfOurs() - FIRST) / SHARES);
  for (let tries = 0; tries < rows; tries += 1) {
    const port = FIRST + Math.floor(Math.random() * rows) * SHARES + share;
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${FIRST} to ${endOfOurs()}`);
}

/** From here on the system gives ports to whoever names none. */
function endOfOurs(): number {
  try {
    const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
    return first > FIRST + 1_000 ? first : USUAL_END;
  } catch {
    return USUAL_END;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
