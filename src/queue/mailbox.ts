/** Messages in their order, until somebody has read them. */
export class Mailbox {
  readonly #messages: Uint8Array[] = [];
  #wake: (() => void) | undefined;

  /** False, and nothing put in, when more than `limit` are there. */
  put(message: Uint8Array, limit = Number.POSITIVE_INFINITY): boolean {
    if (this.#messages.length > limit) return false;
    this.#messages.push(message);
    this.#wake?.();
    return true;
  }

  /** One reader at a time. */
  async read(take: (message: Uint8Array) => void | Promise<void>, signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wake?.();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      const [next] = this.#messages;
      if (next) {
        await take(next);
        this.#messages.shift();
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    signal.removeEventListener('abort', stop);
  }
}
