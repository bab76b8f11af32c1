// The stage kind `pipeline` and the command line check parameters too, so the check itself lives in core.
export { parseParameters } from '../core/parameters.ts';
export type { GivenParameter, ParameterOptions, ParameterProblem } from '../core/parameters.ts';
