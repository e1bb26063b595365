/** Through the run: by moment, by call, or to any place of it. */

import type { ScenarioSession, ScenarioState } from './session.ts';

export function Transport({ session, state }: { session: ScenarioSession; state: ScenarioState }) {
  const { run, moment } = state;
  const count = run?.moments.length ?? 0;
  const said = run?.moments[moment - 1]?.text ?? 'booted';
  return (
    <fieldset class="transport" aria-label="Go through the run">
      <Go label="To the boot" sign="⇤" disabled={moment === 0} onClick={() => session.goTo(0)} />
      <Go label="Back one call" sign="«" disabled={moment === 0} onClick={() => session.stepCall(false)} />
      <Go label="Back" sign="◀" disabled={moment === 0} onClick={() => session.step(-1)} />
      <input
        type="range"
        min="0"
        max={String(count)}
        value={String(moment)}
        aria-label="Moment"
        aria-valuetext={`${moment} of ${count}: ${said}`}
        onInput={({ currentTarget }) => session.goTo(Number(currentTarget.value))}
      />
      <Go label="Forward" sign="▶" disabled={moment === count} onClick={() => session.step(1)} />
      <Go
        label="Forward one call"
        sign="»"
        disabled={moment === count}
        onClick={() => session.stepCall(true)}
      />
      <Go label="To the end" sign="⇥" disabled={moment === count} onClick={() => session.goTo('end')} />
      <span class="count">
        {moment}/{count}
      </span>
    </fieldset>
  );
}

function Go({
  label,
  sign,
  disabled,
  onClick,
}: {
  label: string;
  sign: string;
  disabled: boolean;
  onClick: () => void;
}) {
  return (
    <button type="button" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      {`${sign}\uFE0E`}
    </button>
  );
}
