/** A dump, dropped on the page or chosen: what is in it, its map, what breaks the rules, and a walk. */

import { useState } from 'preact/hooks';
import { useStore } from '../state/store.ts';
import { FailureView } from '../ui/failure_view.tsx';
import { Progress } from '../ui/progress.tsx';
import type { Workbench } from '../workbench.ts';
import { InspectionView } from './inspection_view.tsx';

export function InspectPart({ workbench }: { workbench: Workbench }) {
  const session = workbench.inspect;
  const state = useStore(session.store);
  const { inspected, source, reading, problem } = state;
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) void session.openFile(file);
  };
  const start = () => {
    if (source === null) return;
    workbench.show('scenario');
    workbench.scenario.startOn(source);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same as the drop
    <div
      class={`inspect${isOver ? ' over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <section class="open" aria-labelledby="open-title">
        <h2 id="open-title">A real machine</h2>
        <p>
          Drop a vmcore, a kdump file, raw memory or the text of ptdump here, or{' '}
          <label class="file">
            choose a file
            <input
              type="file"
              onChange={({ currentTarget }) => {
                const file = currentTarget.files?.[0];
                if (file !== undefined) void session.openFile(file);
                currentTarget.value = '';
              }}
            />
          </label>
          . It is read here, in pieces, and goes nowhere.
        </p>
        {reading !== null && <Progress text={reading} onCancel={() => session.cancel()} />}
        {problem !== null && <FailureView failure={problem} />}
        {inspected !== null && (
          <div class="run">
            <button
              type="button"
              class="primary"
              disabled={source === null || inspected.noRun !== null}
              onClick={start}
            >
              Run a scenario from here
            </button>
            <button type="button" onClick={() => session.close()}>
              Close it
            </button>
            <span class="hint">{hintOf(source !== null, inspected.noRun)}</span>
          </div>
        )}
      </section>
      {inspected !== null && (
        <InspectionView session={session} inspected={inspected} address={state.address} />
      )}
    </div>
  );
}

function hintOf(isOpen: boolean, noRun: string | null): string {
  if (noRun !== null) return noRun;
  return isOpen
    ? ''
    : 'This was found before the page was loaded again. To run from it, open the file again.';
}
