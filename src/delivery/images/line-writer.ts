/** Lines come faster than they are written: they wait together and are written in one go. */
export function createLineWriter(write: (text: string) => Promise<void>): {
  readonly say: (line: string) => void;
  /** Resolves when all is written. */
  readonly flush: () => Promise<void>;
} {
  let waiting: string[] = [];
  let writing: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const text = waiting.join('\n');
      waiting = [];
      await write(text);
    }
    writing = undefined;
  };
  return {
    say: (line) => {
      waiting.push(line);
      writing ??= drain();
    },
    flush: async () => {
      await writing;
    },
  };
}
