import { z } from 'zod';
import { jsonIn } from './json-in.ts';
import type { DraftTest } from '../write/test-file.ts';

/** One test file as a model gives it: what stands above, and each case by itself. */
const answerSchema = () =>
  z.object({
    preamble: z.string().max(20_000),
    cases: z
      .array(
        z.object({
          name: z.string().trim().min(1).max(200),
          given: z.string().max(500).default(''),
          expects: z.string().max(500).default(''),
          code: z.string().trim().min(1).max(8_000),
        }),
      )
      .min(1)
      .max(30),
  });

/** The draft in an answer, or what is wrong with the answer, for the model and for people. */
export function draftIn(
  text: string,
  file: string,
): { readonly draft: DraftTest } | { readonly problem: string } {
  const parsed = answerSchema().safeParse(jsonIn(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `the answer is no such JSON: ${issue?.path.join('.') || 'it'}: ${issue?.message}` };
  }
  const { preamble, cases } = parsed.data;
  const names = new Set(cases.map(({ name }) => name));
  if (names.size < cases.length) return { problem: 'two cases have the same name' };
  const drafted = cases.map((one, at) => ({ ...one, id: `case-${at + 1}` }));
  return { draft: { file, head: preamble, cases: drafted, tail: '' } };
}
