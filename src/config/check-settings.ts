import { checkAnalyze, checkBuild, checkContextSettings } from './check-build.ts';
import { checkGroups } from './check-groups.ts';
import { checkDeploy } from './check-deploy.ts';
import { checkTestgen } from './check-testgen.ts';
import { checkNotify, checkTestSettings, checkTrigger, checkVerify } from './check-verify.ts';
import type { SettingCheck } from './setting-check.ts';

/** Reports settings that are right by themselves and cannot be meant together. */
export function checkSettings(check: SettingCheck): void {
  checkContextSettings(check);
  checkGroups(check);
  checkAnalyze(check);
  checkBuild(check);
  checkDeploy(check);
  checkVerify(check);
  checkTestSettings(check);
  checkTrigger(check);
  checkNotify(check);
  checkTestgen(check);
}
