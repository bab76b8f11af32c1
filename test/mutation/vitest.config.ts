import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A mutant is done at its first failed test: quick files first. */
class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not the one of arrays
    const slowFirst = await super.sort(files);
    return slowFirst.toReversed();
  }
}

/** The tests of `npm run mutation`; which of them an area needs stands in areas.ts. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    restoreMocks: true,
    setupFiles: ['test/mutation/setup.ts'],
    // A mutant that waits for ever ends here, and not with its whole process at Stryker's own limit.
    testTimeout: Number(process.env['MUTATION_TEST_TIMEOUT_MS'] ?? 60_000),
    include: ['test/{unit,pipeline}/**/*.test.ts', 'test/contract/transfer.test.ts'],
    // A fresh process per test file would cost more than all tests of core together.
    isolate: false,
    sequence: { sequencer: QuickFirst },
  },
});
