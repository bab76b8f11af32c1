/** The stream with another `write`; everything else is the real one's. */
export function standIn(
  stdout: NodeJS.WriteStream,
  take: (data: string, done: () => void) => void,
): NodeJS.WriteStream {
  const write = (data: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
    const done = typeof encoding === 'function' ? encoding : callback;
    take(typeof data === 'string' ? data : Buffer.from(data).toString(), () => {
      if (typeof done === 'function') done();
    });
    return true;
  };
  return new Proxy(stdout, {
    get: (target, key): unknown => {
      if (key === 'write') return write;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
