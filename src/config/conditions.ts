import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { isObject } from '../core/json.ts';
import { failed, ok } from '../core/failure.ts';
import type { Result } from '../core/failure.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { Conditions } from '../core/ports.ts';
import { freeNames, loopDepth, pathOf } from './condition-names.ts';
import { traceVariables } from './condition-trace.ts';
import { closest } from '../core/closest.ts';
import { withTimeLimit } from '../core/time-limit.ts';

/** In UTF-16 units. */
const MAX_LENGTH = 4096;
/** Brackets inside each other. */
const MAX_NESTING = 64;
/** Loops (`all`, `exists`, `map`, …) inside each other: each multiplies the work. */
const MAX_LOOPS = 3;
/** For one evaluation, milliseconds: `matches` may take exponential time, loops over long lists their product. */
const TIME_LIMIT_MS = 2000;

/** What keeps an expression from being used, and where in it (UTF-16 units from its start). */
export interface ExpressionProblem {
  readonly message: string;
  readonly offset: number;
}

// Built once: the library's set-up costs more than a thousand evaluations.
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  limits: { maxDepth: MAX_NESTING },
});

/** The CEL of `if:`. Source: github.com/google/cel-spec; integers of variables count as CEL integers. */
export function createConditions(): Conditions {
  return { evaluate, reads };
}

/**
 * Checks an expression without values: its syntax, its functions, and that its result can be true or false.
 * Undefined when nothing is wrong.
 */
export function checkExpression(text: string): ExpressionProblem | undefined {
  const parsed = parse(text);
  if (!parsed.ok) return parsed.failure;
  try {
    const { valid, type, error } = parsed.value.check();
    if (!valid) return describe(error);
    if (type === 'bool' || type === 'dyn') return undefined;
    return { message: `It gives a value of type ${type}, not true or false.`, offset: 0 };
  } catch (error) {
    return describe(error);
  }
}

function parse(text: string): Result<ParseResult, ExpressionProblem> {
  if (text.trim() === '') return problem('The expression is empty.');
  if (text.length > MAX_LENGTH) {
    return problem(`The expression is ${text.length} characters long; at most ${MAX_LENGTH} are read.`);
  }
  try {
    const parsed = environment.parse(text);
    if (loopDepth(parsed.ast) > MAX_LOOPS) return problem(`More than ${MAX_LOOPS} loops inside each other.`);
    return ok(parsed);
  } catch (error) {
    return { ok: false, failure: describe(error) };
  }
}

function problem(message: string): { readonly ok: false; readonly failure: ExpressionProblem } {
  return { ok: false, failure: { message, offset: 0 } };
}

function reads(expression: string): readonly string[] {
  const parsed = parse(expression);
  return parsed.ok ? ownNames(parsed.value.ast) : [];
}

/** Names of variables; `int` in `type(x) == int` is the library's own. */
function ownNames(ast: ASTNode): readonly string[] {
  return freeNames(ast).filter((name) => !environment.hasVariable(name));
}

function evaluate(expression: string, variables: JsonObject): ReturnType<Conditions['evaluate']> {
  const refuse = (detail: string) => failed({ reason: 'condition-invalid', expression, detail });
  const parsed = parse(expression);
  if (!parsed.ok) return refuse(parsed.failure.message);
  const names = ownNames(parsed.value.ast);
  const unknown = names.find((name) => !Object.hasOwn(variables, name));
  if (unknown !== undefined) return refuse(unknownName(unknown, Object.keys(variables)));
  const { context, read } = traceVariables(variables, names);
  try {
    const work = (): unknown => parsed.value(context);
    const evaluated = mayBeSlow(expression, parsed.value) ? withTimeLimit(work, TIME_LIMIT_MS) : ok(work());
    if (!evaluated.ok) {
      const seconds = TIME_LIMIT_MS / 1000;
      return refuse(`It takes longer than ${seconds} s: a slow pattern, or loops over long lists.`);
    }
    const { value } = evaluated;
    if (typeof value === 'boolean') return ok({ value, read: read() });
    return refuse(`It gives ${kindOf(value)}, not true or false.`);
  } catch (error) {
    return refuse(missingMember(error, variables) ?? describe(error).message);
  }
}

/** A limit costs more than most evaluations. */
function mayBeSlow(expression: string, { ast }: ParseResult): boolean {
  return expression.includes('matches') || loopDepth(ast) > 1;
}

function unknownName(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  const hint =
    near === undefined ? `known are ${known.join(', ') || 'no names at all'}` : `did you mean ${near}?`;
  return `There is no ${name}; ${hint}${near === undefined ? '.' : ''}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'a string';
  if (typeof value === 'bigint' || typeof value === 'number') return 'a number';
  return Array.isArray(value) ? 'a list' : 'a map';
}

/** "stages.build.outputs.x is not there", with the nearest name that is. */
function missingMember(error: unknown, variables: JsonObject): string | undefined {
  if (!(error instanceof EvaluationError) || error.code !== 'no_such_key' || !error.node) return undefined;
  const path = pathOf(error.node);
  const last = path?.at(-1);
  if (!path || last === undefined) return undefined;
  let parent: JsonValue | undefined = variables;
  for (const name of path.slice(0, -1)) parent = member(parent, name);
  const near = isObject(parent) ? closest(last, Object.keys(parent)) : undefined;
  const whole = path.join('.');
  if (near !== undefined)
    return `${whole} is not there; did you mean ${[...path.slice(0, -1), near].join('.')}?`;
  return `${whole} is not there; has(${whole}) tells whether it is.`;
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** An error of the library as one sentence, without its drawing of the source. */
function describe(error: unknown): ExpressionProblem {
  if (error instanceof ParseError || error instanceof EvaluationError || error instanceof CelTypeError) {
    return { message: sentence(error.code, error.summary), offset: error.range?.start ?? 0 };
  }
  // A stack that overflows is our limit on nesting, met another way.
  if (error instanceof RangeError) return { message: 'The expression is nested too deeply.', offset: 0 };
  throw error;
}

function sentence(code: string, summary: string): string {
  if (code === 'unexpected_token' && summary.endsWith('EOF')) return 'The expression ends too early.';
  const plain = summary.replaceAll(/dyn<([^<>]*)>/g, '$1').replaceAll(/\s+/g, ' ');
  const text = plain.charAt(0).toUpperCase() + plain.slice(1);
  return text.endsWith('.') ? text : `${text}.`;
}
