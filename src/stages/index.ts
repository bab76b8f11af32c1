import type { StageKind } from '../core/stage-kind.ts';
import { approval } from './approval.ts';
import { changeAnalysis } from './change-analysis.ts';
import { dockerBuild } from './docker-build.ts';
import { pipeline } from './pipeline.ts';
import { shell } from './shell.ts';
import { stream } from './stream.ts';
import { testSuite } from './test-suite.ts';

/** Every stage kind, by the name used in YAML. A new kind is one file and one line here. */
export const stageKinds: Readonly<Record<string, StageKind>> = {
  approval,
  'change-analysis': changeAnalysis,
  'docker-build': dockerBuild,
  pipeline,
  shell,
  stream,
  'test-suite': testSuite,
};
