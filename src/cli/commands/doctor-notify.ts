import type { Notice } from '../../core/notify.ts';
import type { Command } from '../command.ts';
import { printFailure, printJson, printProblems } from '../print.ts';
import type { Services } from '../services.ts';

/** `doctor --notify`: a test message on every way that `notify` names. Exit code 1 when one does not arrive. */
export async function doctorNotify(
  command: Extract<Command, { readonly name: 'doctor' }>,
  services: Services,
): Promise<number> {
  const loaded = await services.settings();
  if (!loaded.ok) return printProblems(services, command, loaded.failure);
  const { environment, stage } = loaded.value;
  const { notify, project } = stage;
  const { user, host } = services.identity;
  const at = services.now();
  const notice: Notice = {
    event: 'test',
    events: ['test'],
    project,
    pipeline: 'pipewright',
    environment,
    run_id: 'none',
    status: 'success',
    trigger: 'doctor --notify',
    by: `${user}@${host}`,
    commits: [],
    started_at: at,
    stages: [],
  };
  const deliveries = await services.notifier.send(notice, notify, services.terminal.closed);
  if (deliveries.length === 0) {
    const message = 'pipewright.yaml names nobody to tell';
    const hint = 'Add command, webhook or email under notify.';
    return printFailure(services, command, { reason: 'invalid', message, hint });
  }
  const isWell = deliveries.every(({ ok }) => ok);
  if (command.json) {
    await printJson(services, { ok: isWell, deliveries });
    return isWell ? 0 : 1;
  }
  const views = await services.views();
  const rows = deliveries.map(({ channel, ok, tries, detail }) => [
    ok ? '✓' : '✗',
    channel,
    ok ? 'sent' : 'not sent',
    tries > 1 ? `${tries} tries` : '',
    detail ?? '',
  ]);
  await services.terminal.print(views.table(rows));
  return isWell ? 0 : 1;
}
