import type { Sheet } from 'write-excel-file/node';
import { sanitizeText } from '../../core/terminal-text.ts';
import type { TestScenario, VcsAnalysis } from '../../core/testgen.ts';

/** A cell of a spreadsheet holds so many characters. Source: Excel specifications and limits. */
const MOST_TEXT = 32_000;

const COLUMNS: readonly (readonly [string, number])[] = [
  ['ID', 9],
  ['Title', 36],
  ['Priority', 10],
  ['Preconditions', 36],
  ['Steps', 48],
  ['Test data', 40],
  ['Expected', 40],
  ['Covers', 24],
  ['Result (passed, failed, blocked)', 18],
  ['Tester', 16],
  ['Date', 14],
  ['Notes', 30],
];

/** The scenarios as a spreadsheet to fill in. Its library is loaded only here. */
export async function scenariosXlsx(
  scenarios: readonly TestScenario[],
  { commits }: Pick<VcsAnalysis, 'commits'>,
): Promise<Buffer> {
  const { default: writeExcelFile } = await import('write-excel-file/node');
  const sheets: Sheet<Buffer>[] = [
    {
      sheet: 'Scenarios',
      stickyRowsCount: 1,
      columns: COLUMNS.map(([, width]) => ({ width })),
      data: [COLUMNS.map(([name]) => head(name)), ...scenarios.map(row)],
    },
    {
      sheet: 'Commits',
      stickyRowsCount: 1,
      columns: [{ width: 44 }, { width: 70 }, { width: 24 }, { width: 28 }],
      data: [
        ['Commit', 'Subject', 'Author', 'Date'].map(head),
        ...commits.map(({ id, subject, author, date }) => [id, subject, author, date].map(cell)),
      ],
    },
  ];
  return writeExcelFile(sheets).toBuffer();
}

function row(scenario: TestScenario): ReturnType<typeof cell>[] {
  const { id, title, priority, preconditions, steps, data, expected, covers } = scenario;
  return [
    id,
    title,
    priority,
    preconditions.join('\n'),
    steps.map((step, at) => `${at + 1}. ${step}`).join('\n'),
    data.map(({ name, value }) => `${name}: ${value}`).join('\n'),
    expected,
    covers.join('\n'),
    '',
    '',
    '',
    '',
  ].map(cell);
}

function head(value: string) {
  return { value, type: String, fontWeight: 'bold' as const, wrap: true };
}

/**
 * Text, never a formula: the cell's type says so, and the apostrophe keeps it one when the sheet is saved as CSV and opened
 * again. Source: OWASP, CSV Injection.
 */
function cell(text: string) {
  const plain = sanitizeText(text).slice(0, MOST_TEXT);
  const value = /^\s*[=+\-@]/.test(plain) ? `'${plain}` : plain;
  return value === '' ? null : { value, type: String, wrap: true, alignVertical: 'top' as const };
}
