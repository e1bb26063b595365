/** One verdict in full, with its bounds; a counterexample can be opened and gone through. */

import { useEffect, useRef } from 'preact/hooks';
import { FailureView } from '../ui/failure_view.tsx';
import { Printed } from '../ui/printed.tsx';
import { Progress } from '../ui/progress.tsx';
import type { Workbench } from '../workbench.ts';
import { type Cell, type CheckState, nameOf } from './session.ts';

interface VerdictViewProps {
  readonly workbench: Workbench;
  readonly cell: Cell;
  readonly state: CheckState;
}

export function VerdictView({ workbench, cell, state }: VerdictViewProps) {
  const session = workbench.check;
  const found = state.cells.get(nameOf(cell));
  const place = useRef<HTMLElement>(null);
  // Where the matrix fills the screen, what was chosen in it is below.
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), [cell]);
  const open = async (id: string) => {
    workbench.show('scenario');
    await workbench.scenario.openReplay(id);
  };
  return (
    <section class="verdict" ref={place} aria-labelledby="verdict-title">
      <h2 id="verdict-title">
        {cell.claim} on {cell.arch} {cell.kernel}
      </h2>
      {found === undefined && (
        <button type="button" class="primary" onClick={() => session.check([cell])}>
          Check it
        </button>
      )}
      {found?.kind === 'waiting' && <p>It waits for another exploration to end.</p>}
      {found?.kind === 'running' && <Progress text={found.progress} onCancel={() => session.cancel(cell)} />}
      {found?.kind === 'failed' && <FailureView failure={found.failure} />}
      {found?.kind === 'answered' && (
        <>
          {found.checked.answer.trace !== undefined && (
            <button type="button" class="primary" onClick={() => void open(found.checked.answer.trace!.id)}>
              Open the counterexample
            </button>
          )}
          <Printed label="Verdict" text={found.checked.text} />
        </>
      )}
    </section>
  );
}
