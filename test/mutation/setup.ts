import * as fc from 'fast-check';

/** A mutant is killed by the first counterexample: a smaller one would only take time. */
fc.configureGlobal({ endOnFailure: true });
