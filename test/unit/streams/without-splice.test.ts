import { describe, vi } from 'vitest';

// The same tests without the fast path: what works only with an optional package does not work.
describe('without koffi', async () => {
  vi.stubEnv('PIPEWRIGHT_NO_SPLICE', '1');
  await import('./tee.test.ts');
  await import('./failing.test.ts');
});
