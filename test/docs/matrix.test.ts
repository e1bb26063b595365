/** README.md's matrix of verdicts is the known answers, which test/check/known_answers.test.ts holds against the checker. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ARCHITECTURES } from '../../src/linux/arch/index.ts';
import { presetsOf } from '../../src/linux/kernels.ts';
import { type MatrixAnswer, matrixMarkdown } from '../../src/report/matrix_text.ts';
import { KNOWN_ANSWERS } from '../check/known_answers.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- the matrix: written by its test -->\n\n';
const END = '\n<!-- the matrix ends -->';

const VERDICTS: Readonly<Record<string, MatrixAnswer['verdict']>> = {
  H: 'holds',
  R: 'refuted',
  r: 'refuted',
  '?': 'undecided',
  '-': 'not modelled',
};

function answers(): MatrixAnswer[] {
  return Object.entries(KNOWN_ANSWERS).flatMap(([claim, byArch]) =>
    ARCHITECTURES.flatMap((arch) => {
      const codes = byArch[arch.name]?.split(' ') ?? [];
      return presetsOf(arch).map(({ name }, i) => ({
        ...{
          claim,
          arch: arch.name,
          kernel: name,
          verdict: VERDICTS[codes[i]?.[0] ?? '-'] ?? 'not modelled',
        },
      }));
    }),
  );
}

it('README.md has the verdict of every claim on every kernel of every architecture', () => {
  const text = readFileSync(README, 'utf8');
  const from = text.indexOf(BEGIN) + BEGIN.length;
  const to = text.indexOf(END);
  const wanted = matrixMarkdown(answers());
  if (process.env.UPDATE_DOCS !== undefined) {
    writeFileSync(README, text.slice(0, from) + wanted + text.slice(to));
  } else expect(text.slice(from, to)).toBe(wanted);
});
