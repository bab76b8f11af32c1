import { z } from 'zod';
import { sizeSchema } from '../quantities.ts';
import type { Amounts } from '../resources/amounts.ts';

const count = z.int().min(0).max(1_000_000);
const NAME = /^[a-z][a-z0-9_-]{0,31}$/;

const countsSchema = z.record(
  z.string().regex(NAME, 'must be lower-case letters, digits, "_" or "-", and begin with a letter'),
  count,
);

/** `resources` of a context: what there is to be shared out. */
export const ownedSchema = z
  .strictObject({
    slots: count.optional().describe('Stages at the same time, whatever they ask for. Default: no limit.'),
    gpu: count.optional().describe('Graphics processors. Default: none can be asked for.'),
    cpus: z.number().min(0).max(65_536).optional().describe('Cores. Default: cores are not shared out.'),
    memory: sizeSchema.optional().describe('Memory: 64GB. Default: memory is not shared out.'),
    disk: sizeSchema.optional().describe('Room for files: 1TB. Default: not shared out, only measured.'),
    counts: countsSchema.optional().describe('Others, by name: licenses, instruments. Default: none.'),
  })
  .describe('What stages there share, held by leases on the host. Default: nothing is counted.');

/** As written in a stage or a context, as one mapping from name to amount; sizes are bytes. */
export function amountsOf({ counts, ...amounts }: Partial<z.output<typeof ownedSchema>>): Amounts {
  const written = Object.entries({ ...amounts, ...counts });
  return Object.fromEntries(written.filter((entry): entry is [string, number] => entry[1] !== undefined));
}

/** `groups` of pipewright.yaml. */
export const groupsSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'must be a name'),
    z.array(z.string().min(1)).min(1),
  )
  .describe(
    'Contexts of which any will do, by name: a stage names the group as its context, and one with room is picked. Default: none.',
  );

export { countsSchema };
