import type { ParameterDefinition } from '../core/definition.ts';
import { parseParameters } from '../core/parameters.ts';
import { suggestion } from './issues.ts';
import type { LoadedStage } from './load-stage.ts';
import { nodeAt, type Path } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** Checks the values that a stage gives to the pipeline it runs: known, complete, and right where they are fixed. */
export function checkInnerParams(file: YamlFile, { definition, path }: LoadedStage): void {
  const inner = definition?.pipeline;
  if (!inner) return;
  const at: Path = [...path, 'params'];
  const given = nodeAt(file.root, at)?.children ?? new Map<string, never>();
  for (const [name, { node }] of given) {
    const declared = Object.hasOwn(inner.params, name) ? inner.params[name] : undefined;
    if (!declared) {
      const message = `the pipeline "${inner.name}" has no parameter "${name}"`;
      const hint = suggestion(name, Object.keys(inner.params));
      file.report([...at, name], { code: 'unknown-param', message, hint }, { atKey: true });
    } else checkFixed(file, [...at, name], { declared, name, value: node.value });
  }
  const missing = Object.entries(inner.params).filter(([name, { required }]) => required && !given.has(name));
  for (const [name] of missing) {
    const message = `the pipeline "${inner.name}" needs the parameter "${name}"`;
    file.report(at, { code: 'missing-param', message, hint: `Give it here under params: {${name}: …}.` });
  }
}

function checkFixed(
  file: YamlFile,
  at: Path,
  {
    declared,
    name,
    value,
  }: { readonly declared: ParameterDefinition; readonly name: string; readonly value: unknown },
): void {
  const text = String(value);
  // Trying a pattern may take for ever; the run checks it.
  if (text.includes('{{') || declared.pattern !== undefined) return;
  const parsed = parseParameters({ [name]: declared }, { [name]: text });
  if (parsed.ok) return;
  for (const { message, hint } of parsed.failure) {
    file.report(at, { code: 'bad-param', message: `${name} ${message}`, hint });
  }
}
