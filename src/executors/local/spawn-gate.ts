/**
 * Lets one caller pass per turn of the event loop: starting a process blocks for about a millisecond,
 * and a hundred at once would freeze the screen for as long as all of them take.
 */
export class SpawnGate {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  /** Undefined when the way is free: no turn is lost. */
  enter(): Promise<void> | undefined {
    if (this.#isTaken) {
      return new Promise((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#isTaken = true;
    setImmediate(() => this.#next());
    return undefined;
  }

  #next(): void {
    const pass = this.#waiting.shift();
    if (!pass) {
      this.#isTaken = false;
      return;
    }
    pass();
    setImmediate(() => this.#next());
  }
}
