/** A part of src that gets a score of its own, with the tests that may kill its mutants. */
export interface Area {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
  /** A test that takes longer has failed. Default: 4,000. */
  readonly testTimeoutMs?: number;
  /** Too slow for every mutant: `--survivors 100` shows them as many of those that the others let pass. */
  readonly slow?: { readonly tests: readonly string[]; readonly env: Readonly<Record<string, string>> };
}

const ENGINE_TESTS = ['test/pipeline/*.test.ts', 'test/unit/core/engine/*.test.ts'];

export const AREAS: Readonly<Record<string, Area>> = {
  engine: { mutate: ['src/core/engine/**/*.ts'], tests: ENGINE_TESTS },
  core: {
    mutate: ['src/core/*.ts'],
    tests: [
      ...ENGINE_TESTS,
      'test/unit/core/*.test.ts',
      'test/unit/config/{broken-files,load-pipeline,parameters}.test.ts',
      'test/unit/reporters/views.test.ts',
    ],
    testTimeoutMs: 20_000,
  },
  transfer: {
    mutate: ['src/core/transfer/*.ts'],
    tests: ['test/unit/core/transfer-*.test.ts', 'test/contract/transfer.test.ts'],
    testTimeoutMs: 20_000,
  },
  template: {
    mutate: ['src/core/template/**/*.ts'],
    tests: ['test/unit/core/template/{bind,compile,grammar,words}.test.ts'],
    slow: {
      tests: ['test/unit/core/template/real-shell.test.ts'],
      // A fifth of the random values that `npm test` draws.
      env: { TEMPLATE_RUNS_FACTOR: '0.2', MUTATION_TEST_TIMEOUT_MS: '20000' },
    },
  },
  settings: {
    mutate: ['src/core/settings/*.ts'],
    tests: ['test/unit/config/{broken-files,project,section-keys,json-schema}.test.ts'],
  },
  streams: {
    // The rest of the pump runs as a program of its own, which this cannot mutate.
    mutate: [
      'src/streams/*.ts',
      '!src/streams/pump.ts',
      'src/streams/pump/{checksum,meter,node-run,report}.ts',
    ],
    tests: ['test/unit/streams/{bind,graph,report,schema}.test.ts'],
  },
};
