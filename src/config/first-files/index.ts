import { type FirstFile, firstPipeline } from './first-pipeline.ts';
import { firstProject } from './first-project.ts';
import { surveyRepository } from './survey.ts';

/** What `init` would write for a repository: `pipewright.yaml` and one pipeline. Changes nothing. */
export async function firstFiles(
  root: string,
): Promise<{ readonly files: readonly FirstFile[]; readonly pipeline: string }> {
  const survey = await surveyRepository(root);
  const pipeline = firstPipeline(survey);
  return {
    files: [firstProject(survey), pipeline],
    pipeline: pipeline.file.replace(/^pipelines\/|\.yaml$/g, ''),
  };
}
