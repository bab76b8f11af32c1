/** A program that pipelines may need. */
export interface Tool {
  readonly name: string;
  /** Other names it may have. */
  readonly aliases?: readonly string[];
  /** What makes it print its version. */
  readonly args: readonly string[];
  readonly required: boolean;
  readonly without: string;
  /** Below this version, what does not work. */
  readonly since?: { readonly version: readonly [major: number, minor: number]; readonly for: string };
}

const VERSION = ['--version'];

/** In the order of the report. */
export const TOOLS: readonly Tool[] = [
  { name: 'sh', args: ['-c', 'echo POSIX'], required: true, without: 'no command can run' },
  {
    name: 'git',
    args: VERSION,
    required: false,
    without: '-c/--commits and change analysis do not work',
    // Source: git's release notes; without that option a branch could be read as an option.
    since: { version: [2, 24], for: '-c/--commits and change analysis (--end-of-options)' },
  },
  {
    name: 'ssh',
    args: ['-V'],
    required: false,
    without: 'no ssh-keyscan to make hosts known, no git over ssh',
  },
  {
    name: 'docker',
    args: VERSION,
    required: false,
    without: 'images cannot be sent to Docker of this machine as archives',
  },
  { name: 'redis-server', args: VERSION, required: false, without: 'no queue over several machines' },
  { name: 'psql', args: VERSION, required: false, without: 'no results in PostgreSQL' },
  { name: 'gpg', args: VERSION, required: false, without: 'no encrypted or signed backups' },
  { name: 'jq', args: VERSION, required: false, without: 'steps that use it fail' },
  { name: 'tar', args: VERSION, required: false, without: 'no archives' },
  { name: 'gzip', args: VERSION, required: false, without: 'no gzip streams in steps' },
  { name: 'zstd', args: VERSION, required: false, without: 'no zstd streams in steps' },
  { name: 'svn', args: ['--version', '--quiet'], required: false, without: 'no commits from Subversion' },
  { name: 'hg', args: ['--version', '--quiet'], required: false, without: 'no commits from Mercurial' },
  {
    name: 'chromium',
    aliases: ['chromium-browser', 'google-chrome', 'google-chrome-stable'],
    args: VERSION,
    required: false,
    without: 'no browser tests',
  },
  { name: 'tmux', args: ['-V'], required: false, without: 'the screen ends with its terminal' },
];
