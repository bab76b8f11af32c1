import { contextParameter } from '../core/context-name.ts';
import { suggestion } from './issues.ts';
import type { LoadedStage } from './load-stage.ts';
import { nodeAt, scalarsOf } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** What a `context:` may name. */
interface Known {
  readonly contexts: readonly string[];
  readonly params: ReadonlySet<string>;
}

/** Reports contexts that nothing declares: of the stage, its steps and its rollback steps. */
export function checkContexts(file: YamlFile, stage: LoadedStage, known: Known): void {
  const root = nodeAt(file.root, stage.path);
  if (!root) return;
  for (const { path, node } of scalarsOf(root)) {
    const isContext =
      path.at(-1) === 'context' && (path.length === 1 || path.at(-3) === 'steps' || path[0] === 'rollback');
    if (!isContext || typeof node.value !== 'string') continue;
    const parameter = contextParameter(node.value);
    const [what, name, names] =
      parameter === undefined
        ? (['context', node.value, known.contexts] as const)
        : (['parameter', parameter, [...known.params]] as const);
    if (names.includes(name)) continue;
    const message = `there is no ${what} "${name.slice(0, 64)}"`;
    const hint = suggestion(name, names);
    file.report([...stage.path, ...path], { code: 'unknown-context', message, hint });
  }
}
