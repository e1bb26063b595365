/** A scenario, the machine that it runs on, and the run: text on the left, the map and a walk, what happens on the right. */

import { MapPart } from '../map/map_part.tsx';
import { useStore } from '../state/store.ts';
import { FailureView } from '../ui/failure_view.tsx';
import { Printed } from '../ui/printed.tsx';
import { WalkPart } from '../walk/walk_part.tsx';
import type { Workbench } from '../workbench.ts';
import { ScriptEditor } from './editor.tsx';
import { LibraryChoice } from './library_choice.tsx';
import { Overrides } from './overrides.tsx';
import { Timeline } from './timeline.tsx';
import { Transport } from './transport.tsx';

export function ScenarioPart({ workbench }: { workbench: Workbench }) {
  const session = workbench.scenario;
  const state = useStore(session.store);
  const { problem, isRunning, isEdited, isFirstVisit, replay, dump, run } = state;
  return (
    <div class="scenario">
      {isFirstVisit && (
        <p class="welcome">
          In October 2020 it was asked whether mapping a page again can fail. Here it is about to: press{' '}
          <kbd>▶</kbd> (or the key <kbd>→</kbd>) to see what happens next.
        </p>
      )}
      <section class="script" aria-labelledby="script-title">
        <div class="title">
          <h2 id="script-title">Scenario</h2>
          <LibraryChoice session={session} chosen={state.library} />
        </div>
        <ScriptEditor session={session} script={state.script} problem={problem} about={state.about} />
        <div class="run">
          <button
            type="button"
            class="primary"
            disabled={isRunning}
            onClick={() => void session.run(isEdited ? 'end' : state.moment)}
          >
            {isRunning ? 'Running…' : 'Run'}
          </button>
          <span class="hint">
            {isEdited ? 'The text was changed since the last run.' : 'Ctrl-Enter in the text runs it.'}
          </span>
        </div>
        {problem !== null && <FailureView failure={problem} />}
        {dump !== null && (
          <p class="note">
            On the page tables of {dump.name}.{' '}
            <button type="button" onClick={() => session.startOn(null)}>
              Boot a machine instead
            </button>
          </p>
        )}
        <Overrides session={session} state={state} />
        {replay !== null && (
          <details>
            <summary>The claim that this refutes</summary>
            <Printed label="The claim, and the run that refutes it" text={replay.text} />
          </details>
        )}
      </section>
      <section class="happens" aria-labelledby="happens-title">
        <div class="title">
          <h2 id="happens-title">What happens</h2>
          <Transport session={session} state={state} />
        </div>
        {run !== null && (
          <Timeline session={session} run={run} moment={state.moment} choices={state.choices} />
        )}
      </section>
      <div class="machine">
        <MapPart session={session} look={state.look} />
        <WalkPart session={session} state={state} />
      </div>
    </div>
  );
}
