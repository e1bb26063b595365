/** The claims on the kernels of an architecture: the matrix of verdicts, one of them in full, and questions. */

import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../state/store.ts';
import type { Workbench } from '../workbench.ts';
import type { About } from '../workers/model_api.ts';
import { ArchChoice } from './arch_choice.tsx';
import { AskForm } from './ask_form.tsx';
import { ClaimCell } from './claim_cell.tsx';
import type { Cell, CellState, CheckSession, CheckState } from './session.ts';
import { nameOf } from './session.ts';
import { VerdictView } from './verdict_view.tsx';

export function CheckPart({ workbench }: { workbench: Workbench }) {
  const session = workbench.check;
  const state = useStore(session.store);
  const { about } = useStore(workbench.scenario.store);
  useEffect(() => void session.loadClaims(), [session]);
  if (about === null) return <p class="loading">The claims are being read.</p>;
  return (
    <div class="check">
      <Matrix session={session} state={state} about={about} />
      <div class="answers">
        {state.chosen !== null && <VerdictView workbench={workbench} cell={state.chosen} state={state} />}
        <AskForm workbench={workbench} state={state} about={about} />
      </div>
    </div>
  );
}

function Matrix({ session, state, about }: { session: CheckSession; state: CheckState; about: About }) {
  const { claims, cells, chosen } = state;
  const [archName, setArch] = useState(chosen?.arch ?? about.defaultArch);
  const arch = about.arches.find(({ name }) => name === archName) ?? about.arches[0]!;
  const kernels = arch.kernels.map(({ name }) => name);
  const all = claims.flatMap(({ id }) => kernels.map((kernel) => ({ claim: id, kernel, arch: arch.name })));
  const isBusy = [...cells.values()].some(({ kind }) => kind === 'waiting' || kind === 'running');
  return (
    <section class="matrix" aria-labelledby="matrix-title">
      <div class="title">
        <h2 id="matrix-title">Claims</h2>
        <ArchChoice about={about} chosen={arch.name} onChange={setArch} />
        <button type="button" class="primary" disabled={isBusy} onClick={() => session.check(all)}>
          Check all
        </button>
        <button type="button" disabled={!isBusy} onClick={() => session.cancel()}>
          Cancel
        </button>
      </div>
      <p class="tally" role="status">
        {tallyOf(all, cells)}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Matrix of verdicts">
        <table>
          <thead>
            <tr>
              <th scope="col">claim</th>
              {kernels.map((kernel) => (
                <th scope="col" key={kernel}>
                  {kernel}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {claims.map((claim) => (
              <tr key={claim.id}>
                <th scope="row">
                  {claim.id}
                  <span class="sentence">{claim.sentence}</span>
                </th>
                {kernels.map((kernel) => {
                  const cell: Cell = { claim: claim.id, kernel, arch: arch.name };
                  const isChosen = chosen !== null && nameOf(chosen) === nameOf(cell);
                  return (
                    <td key={kernel}>
                      <ClaimCell
                        session={session}
                        cell={cell}
                        state={cells.get(nameOf(cell))}
                        isChosen={isChosen}
                      />
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function tallyOf(all: readonly Cell[], cells: ReadonlyMap<string, CellState>): string {
  const states = all.map((cell) => cells.get(nameOf(cell)));
  const verdicts = ['holds', 'refuted', 'undecided', 'not modelled'] as const;
  const counts = verdicts.map((verdict) => {
    const count = states.filter(
      (state) => state?.kind === 'answered' && state.checked.answer.verdict === verdict,
    ).length;
    return `${count} ${verdict}`;
  });
  const left = states.filter((state) => state === undefined || state.kind === 'waiting').length;
  return `${counts.join(', ')}; ${left} not asked yet`;
}
