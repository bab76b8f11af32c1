import type { StageKind } from '../core/stage-kind.ts';
import { approval } from './approval.ts';
import { changeAnalysis } from './change-analysis.ts';
import { deploy } from './deploy.ts';
import { dockerBuild } from './docker-build.ts';
import { pipeline } from './pipeline.ts';
import { releaseBuild } from './release-build.ts';
import { reviewGeneration } from './review-generation.ts';
import { rollback } from './rollback.ts';
import { serviceBuild } from './service-build.ts';
import { shell } from './shell.ts';
import { stream } from './stream.ts';
import { testCodeGeneration } from './test-code-generation.ts';
import { testExport } from './test-export.ts';
import { testScenarioGeneration } from './test-scenario-generation.ts';
import { testStrategy } from './test-strategy.ts';
import { testSuite } from './test-suite.ts';
import { transfer } from './transfer.ts';
import { vcsAnalysis } from './vcs-analysis.ts';
import { verify } from './verify.ts';

/** Every stage kind, by the name used in YAML. A new kind is one file and one line here. */
export const stageKinds: Readonly<Record<string, StageKind>> = {
  approval,
  'change-analysis': changeAnalysis,
  deploy,
  'docker-build': dockerBuild,
  pipeline,
  'release-build': releaseBuild,
  'review-generation': reviewGeneration,
  rollback,
  'service-build': serviceBuild,
  shell,
  stream,
  'test-code-generation': testCodeGeneration,
  'test-export': testExport,
  'test-scenario-generation': testScenarioGeneration,
  'test-strategy': testStrategy,
  'test-suite': testSuite,
  transfer,
  'vcs-analysis': vcsAnalysis,
  verify,
};
