/** What one experiment came to. */
export interface Finding {
  readonly name: string;
  /** What should not have been; empty when all went well. */
  readonly violations: readonly string[];
  /** Why it could not be done here. */
  readonly skipped?: string;
  /** A figure worth a line of the table. */
  readonly note?: string;
}
