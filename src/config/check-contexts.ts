import { suggestion } from './issues.ts';
import type { LoadedStage } from './load-stage.ts';
import { nodeAt, scalarsOf } from './located.ts';
import type { YamlFile } from './yaml-file.ts';

/** Reports contexts that nothing declares: of the stage, its steps and its rollback steps. */
export function checkContexts(file: YamlFile, stage: LoadedStage, contexts: readonly string[]): void {
  const root = nodeAt(file.root, stage.path);
  if (!root) return;
  for (const { path, node } of scalarsOf(root)) {
    const isContext =
      path.at(-1) === 'context' && (path.length === 1 || path.at(-3) === 'steps' || path[0] === 'rollback');
    if (!isContext || typeof node.value !== 'string' || contexts.includes(node.value)) continue;
    const message = `there is no context "${node.value.slice(0, 64)}"`;
    const hint = suggestion(node.value, contexts);
    file.report([...stage.path, ...path], { code: 'unknown-context', message, hint });
  }
}
