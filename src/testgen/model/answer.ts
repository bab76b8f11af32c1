import { z } from 'zod';
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

/** The JSON in what a model said, also where it put words or a fence around it. */
export function jsonIn(text: string): unknown {
  const fenced = /```(?:json)?\s*\n([\s\S]*?)\n\s*```/.exec(text)?.[1];
  for (const candidate of [fenced, text, text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)]) {
    if (candidate === undefined) continue;
    try {
      return JSON.parse(candidate);
    } catch {
      // The next form may be one.
    }
  }
  return undefined;
}

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
