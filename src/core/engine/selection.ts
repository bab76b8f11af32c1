import { closest } from '../closest.ts';
import { failed, ok, type Result } from '../failure.ts';
import type { StartRequest } from './api.ts';

/** `--skip`, `--only` and `--from` name stages that exist; otherwise `invalid`. */
export function checkSelection({
  definition,
  selection,
}: Pick<StartRequest, 'definition' | 'selection'>): Result<void> {
  const known = definition.stages.map(({ name }) => name);
  const { skip, only, from } = selection;
  const unknown = [...skip, ...only, ...(from === undefined ? [] : [from])].find(
    (name) => !known.includes(name),
  );
  if (unknown === undefined) return ok(undefined);
  const near = closest(unknown, known);
  return failed({
    reason: 'invalid',
    message: `There is no stage "${unknown}" in ${definition.name}.${near ? ` Did you mean "${near}"?` : ''}`,
    hint: `its stages: ${known.join(', ')}`,
  });
}
