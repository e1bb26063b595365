/** Every verdict at a glance: a row for each claim, for each architecture a letter for each kernel. */

import type { Answer } from '../check/jobs.ts';
import { COLUMNS } from './wrap.ts';

/** What of an answer the matrix shows. */
export type MatrixAnswer = Pick<Answer, 'claim' | 'arch' | 'kernel' | 'verdict'>;

const LETTERS: Readonly<Record<Answer['verdict'], string>> = {
  holds: 'H',
  refuted: 'R',
  undecided: '?',
  'not modelled': '-',
};

/** Claims as rows, architectures as columns: of each the letters of its kernels, a blank where it has no such kernel. */
export interface Matrix {
  readonly kernels: readonly string[];
  readonly architectures: readonly string[];
  readonly rows: readonly { readonly claim: string; readonly cells: readonly string[] }[];
}

export function matrixOf(answers: readonly MatrixAnswer[]): Matrix {
  const kernels = [...new Set(answers.map(({ kernel }) => kernel))];
  const architectures = [...new Set(answers.map(({ arch }) => arch))];
  const verdicts = new Map(
    answers.map((each) => [`${each.claim} ${each.arch} ${each.kernel}`, each.verdict]),
  );
  const letter = (key: string) => {
    const verdict = verdicts.get(key);
    return verdict === undefined ? ' ' : LETTERS[verdict];
  };
  const rows = [...new Set(answers.map(({ claim }) => claim))].map((claim) => ({
    claim,
    cells: architectures.map((arch) =>
      kernels.map((kernel) => letter(`${claim} ${arch} ${kernel}`)).join(''),
    ),
  }));
  return { kernels, architectures, rows };
}

/** For a terminal or a mail: the letters at the right, the claim before them or, if it is long, above. */
export function matrixText(answers: readonly MatrixAnswer[]): string {
  const { kernels, architectures, rows } = matrixOf(answers);
  const width = Math.max(kernels.length, ...architectures.map((arch) => arch.length));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell) => cell.padEnd(width))
      .join(' ')
      .trimEnd();
  const right = architectures.length * (width + 1) - 1;
  const left = Math.max(0, COLUMNS - right - 1);
  const body = rows.flatMap(({ claim, cells }) =>
    claim.length < left
      ? [`${claim.padEnd(left)} ${line(cells)}`]
      : [claim, `${' '.repeat(left)} ${line(cells)}`],
  );
  return `${[...legend(kernels), '', `${' '.repeat(left)} ${line(architectures)}`, ...body].join('\n')}\n`;
}

function legend(kernels: readonly string[]): string[] {
  return [
    'H holds, R refuted, ? undecided, - not modelled or not asked there',
    `a letter for each of ${kernels.join(', ')}`,
  ];
}

/** For a page of documentation. */
export function matrixMarkdown(answers: readonly MatrixAnswer[]): string {
  const { architectures, rows } = matrixOf(answers);
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['claim', ...architectures]),
    row(['---', ...architectures.map(() => '---')]),
    ...rows.map(({ claim, cells }) => row([claim, ...cells.map((cell) => `\`${cell}\``)])),
    '',
  ].join('\n');
}
