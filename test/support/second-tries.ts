import type { Reporter, TestCase } from 'vitest/node';

/** Names the tests that passed only when they were tried again: none of them is as good as one that passes at once. */
export class SecondTries implements Reporter {
  readonly #tests: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if ((test.diagnostic()?.retryCount ?? 0) === 0 || test.result().state !== 'passed') return;
    const [error] = test.result().errors ?? [];
    const why = error?.message.split('\n')[0];
    this.#tests.push(`${test.module.relativeModuleId} > ${test.fullName}${why ? `: ${why}` : ''}`);
  }

  onTestRunEnd(): void {
    for (const name of this.#tests) process.stderr.write(`passed at its second try only: ${name}\n`);
  }
}
