/** One verdict of the matrix: a press checks it, or shows it. */

import { type Cell, type CellState, type CheckSession, verdictWord } from './session.ts';

interface ClaimCellProps {
  readonly session: CheckSession;
  readonly cell: Cell;
  readonly state: CellState | undefined;
  readonly isChosen: boolean;
}

export function ClaimCell({ session, cell, state, isChosen }: ClaimCellProps) {
  const { word, name } = wordsOf(state);
  return (
    <button
      type="button"
      class={`cell ${name}`}
      aria-pressed={isChosen}
      aria-label={`${cell.claim} on ${cell.kernel}: ${word}`}
      onClick={() => {
        session.choose(cell);
        session.check([cell]);
      }}
    >
      {word}
    </button>
  );
}

function wordsOf(state: CellState | undefined): { word: string; name: string } {
  switch (state?.kind) {
    case undefined:
      return { word: 'check', name: 'unasked' };
    case 'waiting':
      return { word: 'waits', name: 'waiting' };
    case 'running':
      return { word: 'explores', name: 'running' };
    case 'failed':
      return { word: 'no answer', name: 'failed' };
    case 'answered': {
      const { answer } = state.checked;
      return { word: verdictWord(answer), name: answer.verdict.replace(' ', '-') };
    }
  }
}
