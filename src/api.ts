/**
 * What a stage kind of a project imports (`pipelines/kinds/*.js`):
 * `import { defineStage, ok, z } from 'pipewright'`.
 */
export { z } from 'zod';
export { defineStage, type StageContext, type StageKind, type StepResult } from './core/stage-kind.ts';
export { failed, ok, type Failure, type Result } from './core/failure.ts';
export type { StageDefinition, StepDefinition } from './core/definition.ts';
export type { JsonObject, JsonValue } from './core/json.ts';
