/** What can go wrong with one call: it is asked, and answered as `directmap ask` does. */

import { useState } from 'preact/hooks';
import { FailureView } from '../ui/failure_view.tsx';
import { Printed } from '../ui/printed.tsx';
import { Progress } from '../ui/progress.tsx';
import type { Workbench } from '../workbench.ts';
import type { About } from '../workers/model_api.ts';
import { ArchChoice } from './arch_choice.tsx';
import type { CheckState } from './session.ts';

interface AskFormProps {
  readonly workbench: Workbench;
  readonly state: CheckState;
  readonly about: About;
}

export function AskForm({ workbench, state, about }: AskFormProps) {
  const session = workbench.check;
  const [call, setCall] = useState(state.call);
  const [archName, setArch] = useState(about.defaultArch);
  const arch = about.arches.find(({ name }) => name === archName) ?? about.arches[0]!;
  const [kernelName, setKernel] = useState(about.defaultKernel);
  const kernel = arch.kernels.some(({ name }) => name === kernelName)
    ? kernelName
    : arch.kernels.at(-1)!.name;
  const { asking, asked, askProblem } = state;
  const ask = (event: Event) => {
    event.preventDefault();
    void session.ask(call, { arch: arch.name, kernel });
  };
  const open = async (id: string) => {
    workbench.show('scenario');
    await workbench.scenario.openReplay(id);
  };
  return (
    <section class="ask" aria-labelledby="ask-title">
      <h2 id="ask-title">Ask</h2>
      <p class="hint">Can this call fail here, how, and who would notice?</p>
      <form onSubmit={ask}>
        <label>
          call
          <input
            type="text"
            value={call}
            list="known-calls"
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setCall(currentTarget.value)}
          />
        </label>
        <datalist id="known-calls">
          {arch.calls.map(({ signature, summary }) => (
            <option value={signature} key={signature}>
              {summary}
            </option>
          ))}
        </datalist>
        <ArchChoice about={about} chosen={arch.name} onChange={setArch} />
        <label>
          kernel
          <select value={kernel} onChange={({ currentTarget }) => setKernel(currentTarget.value)}>
            {arch.kernels.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary" disabled={asking !== null}>
          Ask
        </button>
      </form>
      {asking !== null && <Progress text={asking} onCancel={() => session.cancelAsk()} />}
      {askProblem !== null && <FailureView failure={askProblem} />}
      {asked !== null && (
        <>
          <Printed label="Answer" text={asked.text} />
          {asked.failures.length > 0 && (
            <ul class="failures">
              {asked.failures.map(({ text, id }) => (
                <li key={id}>
                  <button type="button" onClick={() => void open(id)}>
                    Open
                  </button>{' '}
                  {text}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </section>
  );
}
