/** The page: a head with the parts to choose from, and the part that was chosen. */

import { useEffect, useState } from 'preact/hooks';
import type { View } from '../src/report/link.ts';
import { ScenarioPart } from './scenario/scenario_part.tsx';
import { useStore } from './state/store.ts';
import { lazy } from './ui/lazy.tsx';
import type { Workbench } from './workbench.ts';

const TABS: readonly { readonly view: View; readonly name: string }[] = [
  { view: 'scenario', name: 'Scenario' },
  { view: 'check', name: 'Check' },
  { view: 'inspect', name: 'Inspect' },
];

const CheckPart = lazy(async () => (await import('./check/check_part.tsx')).CheckPart);
const InspectPart = lazy(async () => (await import('./inspect/inspect_part.tsx')).InspectPart);
const ShareDialog = lazy(async () => (await import('./share/share_dialog.tsx')).ShareDialog);

export function WorkbenchPage({ workbench }: { workbench: Workbench }) {
  const { view, problem } = useStore(workbench.page);
  const { run, look, moment, isRunning } = useStore(workbench.scenario.store);
  const isSettled = !isRunning && run !== null && look?.moment === moment;
  const [isSharing, setSharing] = useState(false);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => stepByKey(event, workbench);
    const onDrop = (event: DragEvent) => openDropped(event, workbench);
    document.addEventListener('keydown', onKey);
    document.addEventListener('dragover', allowDrop);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('dragover', allowDrop);
      document.removeEventListener('drop', onDrop);
    };
  }, [workbench]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('part')?.focus()}>
        Skip to the part
      </button>
      <header class="head">
        <h1>directmap</h1>
        <nav aria-label="Parts of the workbench">
          {TABS.map((tab) => (
            <button
              type="button"
              key={tab.view}
              aria-current={tab.view === view ? 'page' : undefined}
              onClick={() => workbench.show(tab.view)}
            >
              {tab.name}
            </button>
          ))}
        </nav>
        <button type="button" class="share" onClick={() => setSharing(true)}>
          Share
        </button>
      </header>
      {problem !== null && (
        <div class="problem" role="alert">
          <p>{problem}</p>
          <button type="button" onClick={() => workbench.page.set({ problem: null })}>
            Close
          </button>
        </div>
      )}
      <main id="part" tabIndex={-1} data-settled={isSettled}>
        {view === 'scenario' && <ScenarioPart workbench={workbench} />}
        {view === 'check' && <CheckPart workbench={workbench} />}
        {view === 'inspect' && <InspectPart workbench={workbench} />}
      </main>
      <p class="unseen" role="status">
        {view === 'scenario' ? run?.moments[moment - 1]?.text : ''}
      </p>
      {isSharing && <ShareDialog workbench={workbench} onClose={() => setSharing(false)} />}
    </>
  );
}

function allowDrop(event: DragEvent): void {
  event.preventDefault();
}

/** A file that is dropped anywhere in the page is a dump, unless the part there has taken it. */
function openDropped(event: DragEvent, workbench: Workbench): void {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file === undefined) return;
  workbench.show('inspect');
  void workbench.inspect.openFile(file);
}

/** The arrow keys go through the run, unless they mean something where the reader is. */
function stepByKey(event: KeyboardEvent, workbench: Workbench): void {
  if (event.ctrlKey || event.metaKey || event.altKey || workbench.page.state.view !== 'scenario') return;
  const { target } = event;
  if (
    target instanceof Element &&
    target.closest('input, textarea, select, canvas, dialog, [contenteditable]')
  )
    return;
  const { scenario } = workbench;
  const actions: Readonly<Record<string, () => void>> = {
    ArrowRight: () => (event.shiftKey ? scenario.stepCall(true) : scenario.step(1)),
    ArrowLeft: () => (event.shiftKey ? scenario.stepCall(false) : scenario.step(-1)),
    Home: () => scenario.goTo(0),
    End: () => scenario.goTo('end'),
  };
  const action = actions[event.key];
  if (action === undefined) return;
  event.preventDefault();
  action();
}
