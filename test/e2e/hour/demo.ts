import { expectThat, type Hour } from './hour.ts';
import type { Program } from './packed.ts';

/** Two services deployed twice under load without a lost request; then a bad version that undoes itself. */
export async function deployAndBreak(hour: Hour, program: Program): Promise<void> {
  await hour.step(
    'two services deployed twice, clients asking all the time',
    async () => {
      const { stdout } = await program.run(['demo'], hour.folder);
      const [said, failed] = /\d+ requests by the clients, (\d+) failed/.exec(stdout) ?? [];
      expectThat(failed === '0', `requests were lost:\n${stdout}`);
      return said ?? '';
    },
    (said) => said,
  );
  await hour.step('a version that answers 500, undone by itself', async () => {
    const { stdout } = await program.run(['demo', '--break'], hour.folder, [5]);
    expectThat(/rolled.back/.test(stdout), `it does not say that it was undone:\n${stdout}`);
  });
}
