import net from 'node:net';

/** A TCP proxy that can go wrong the way networks do. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that exist forward nothing more and are not closed: half open. New ones work. */
  readonly freeze: () => void;
  /** Ends all connections that exist. */
  readonly cut: () => void;
  /** New connections are refused, until called with false. */
  readonly refuse: (isRefusing: boolean) => void;
  /** Bytes forwarded to the server so far. */
  readonly sentBytes: () => number;
}

export async function startProxy(
  target: number,
  options: { readonly delayMs?: number; readonly bytesPerSecond?: number } = {},
): Promise<Proxy> {
  const { delayMs = 0, bytesPerSecond } = options;
  const pairs = new Set<{ isFrozen: boolean; readonly sockets: readonly net.Socket[] }>();
  let sentBytes = 0;
  let isRefusing = false;
  const server = net.createServer({ noDelay: true }, (client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = net.connect({ port: target, host: '127.0.0.1', noDelay: true });
    const pair = { isFrozen: false, sockets: [client, upstream] };
    pairs.add(pair);
    const forward = (from: net.Socket, to: net.Socket, count: (bytes: number) => void): void => {
      from.on('data', (chunk: Buffer) => {
        if (pair.isFrozen) return;
        count(chunk.length);
        if (bytesPerSecond !== undefined) {
          from.pause();
          setTimeout(() => from.resume(), (chunk.length / bytesPerSecond) * 1000);
        }
        if (delayMs > 0) setTimeout(() => to.write(chunk), delayMs);
        else if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!pair.isFrozen) to.destroy();
        pairs.delete(pair);
      });
    };
    forward(client, upstream, (bytes) => {
      sentBytes += bytes;
    });
    forward(upstream, client, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const destroy = (): void => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    freeze: () => {
      for (const pair of pairs) pair.isFrozen = true;
    },
    cut: destroy,
    refuse: (value) => {
      isRefusing = value;
    },
    sentBytes: () => sentBytes,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        destroy();
      }),
  };
}
