import { z } from 'zod';
import { failed, ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { formatBytes, formatDuration } from '../core/quantities.ts';
import { defineStage, type StageContext, type TaskIo } from '../core/stage-kind.ts';
import { valueSchema } from '../core/step-schema.ts';
import { bindValue } from '../core/template/bind.ts';
import { parsePlace, placeText, type TransferPlace } from '../core/transfer/place.ts';
import { transferMeter } from '../core/transfer/meter.ts';
import { transfer as transferFiles } from '../core/transfer/transfer.ts';

export const transfer = defineStage({
  kind: 'transfer',
  summary:
    'Copy a file or a folder between contexts: taken up where it broke, compared by SHA-256 on both sides.',
  schema: z.strictObject({
    from: valueSchema.describe(
      'What to copy: `context:path`, or a path of the project. Templates may be used.',
    ),
    to: valueSchema.describe(
      'Where to: `context:path`, or a path of the project. A folder that is there, or a slash at the end, takes it in under its name.',
    ),
  }),
  effects: 'remote',
  run: async ({ from, to }, context) => {
    const source = placeOf(from, context);
    if (!source.ok) return source;
    const target = placeOf(to, context);
    if (!target.ok) return target;
    const text = `${placeText(source.value)} → ${placeText(target.value)}`;
    return context.task({
      name: 'copy',
      text,
      context: target.value.context === 'local' ? source.value.context : target.value.context,
      work: (io) => copy({ from: source.value, to: target.value, text }, context, io),
    });
  },
});

function placeOf(
  template: z.output<typeof valueSchema>,
  { variables, settings, hostOf }: StageContext,
): Result<TransferPlace> {
  const bound = bindValue(template, variables);
  if (!bound.ok) return bound;
  const { contexts, groups } = settings;
  const named = parsePlace(bound.value, ['local', ...Object.keys(contexts), ...Object.keys(groups)]);
  if (!named.ok) return named;
  const host = hostOf(named.value.context);
  return host.ok ? ok({ ...named.value, context: host.value }) : host;
}

interface CopyRequest {
  readonly from: TransferPlace;
  readonly to: TransferPlace;
  readonly text: string;
}

async function copy(
  { from, to, text }: CopyRequest,
  context: StageContext,
  { signal, log }: TaskIo,
): Promise<Result<JsonObject>> {
  const { clock, ports } = context;
  const meter = transferMeter(clock);
  let lastNote: Promise<void> = Promise.resolve();
  const done = await transferFiles(
    { hosts: ports.hosts, clock },
    {
      from,
      to,
      onProgress: ({ done_bytes: bytes, total_bytes: size }) =>
        context.progress([
          { name: 'copy', what: text, kind: 'progress', status: 'running', ...meter(bytes, size) },
        ]),
      onNote: (line) => {
        lastNote = lastNote.then(() => log(line));
      },
    },
    signal,
  );
  await lastNote;
  if (!done.ok) return failed(done.failure);
  const { files, bytes, resumed_bytes: resumed, duration_ms: durationMs, skipped } = done.value;
  await log(
    `${files} file(s), ${formatBytes(bytes)} in ${formatDuration(durationMs)}, ${formatBytes(resumed)} were there already; compared on both sides`,
  );
  if (skipped.length > 0) context.warn(`not copied, they are no files: ${skipped.slice(0, 10).join(', ')}`);
  return ok({ ...done.value, skipped: [...skipped], verified: true });
}
