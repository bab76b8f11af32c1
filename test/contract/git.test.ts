import { gitLab } from '../support/repositories.ts';
import { vcsContract } from './vcs.contract.ts';

vcsContract(gitLab, {
  kind: 'git',
  hasStage: true,
  email: 'bob@example.org',
});
