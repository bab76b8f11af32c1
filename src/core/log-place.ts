/**
 * Whether output of a stage, or of one of its steps, is what was asked for by name: the stage itself, a stage
 * around it, or `stage.step` as output is labelled.
 */
export function isOfPlace(wanted: string | undefined, stage: string, step?: string | null): boolean {
  if (wanted === undefined || stage === wanted || stage.startsWith(`${wanted}/`)) return true;
  return typeof step === 'string' && `${stage}.${step}` === wanted;
}
