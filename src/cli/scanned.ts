import type { RawParameter } from './command.ts';

/** Words of a command line, sorted into options, arguments and parameters of a pipeline. */
export interface Scanned {
  readonly positionals: readonly string[];
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly flags: ReadonlySet<string>;
  readonly parameters: readonly RawParameter[];
}

/** The last one wins, so that a shell alias can be overridden. */
export function last(scanned: Scanned, name: string): string | undefined {
  return scanned.values.get(name)?.at(-1);
}

/** Every value of an option that may be repeated and takes commas. */
export function list(scanned: Scanned, name: string): readonly string[] {
  return (scanned.values.get(name) ?? []).flatMap((value) => value.split(',')).filter((item) => item !== '');
}

/** For a property that is there only when `value` is. */
export function given<T, R>(value: T | undefined, make: (value: T) => R): R | undefined {
  return value === undefined ? undefined : make(value);
}
