/** What is said over the script's header: kernel, architecture, machine, build and boot. */

import { useEffect, useState } from 'preact/hooks';
import type { Overrides as OverrideState } from '../workers/model_api.ts';
import type { ScenarioSession, ScenarioState } from './session.ts';

/** What an option stands for that is the script's own. */
const SCRIPT = '';

export function Overrides({ session, state }: { session: ScenarioSession; state: ScenarioState }) {
  const { about, overrides, run, dump } = state;
  const [isWide] = useState(() => matchMedia('(min-width: 80rem)').matches);
  const archName = overrides.arch || run?.outcome.arch || about?.defaultArch;
  const arch = about?.arches.find(({ name }) => name === archName) ?? about?.arches[0];
  const set = (change: Partial<OverrideState>) => session.override(change);
  const boots = arch?.boots ?? [];
  const boot = boots.findIndex(
    (each) =>
      each.boot === overrides.boot &&
      each.config === overrides.config &&
      each.features === overrides.features,
  );
  return (
    <details open={isWide}>
      <summary>Machine and kernel{run === null ? '' : `: ${machineWords(run.outcome)}`}</summary>
      <fieldset class="overrides" aria-label="Machine and kernel">
        <label>
          architecture
          <select
            value={overrides.arch}
            onChange={({ currentTarget }) =>
              set({ arch: currentTarget.value, kernel: '', boot: '', config: '', features: '' })
            }
          >
            <option value={SCRIPT}>as the script says{run === null ? '' : ` (${run.outcome.arch})`}</option>
            {about?.arches.map(({ name }) => (
              <option value={name} key={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Text
          label="kernel"
          value={overrides.kernel}
          placeholder={run?.outcome.kernel ?? ''}
          list={arch?.kernels.map(({ name, note }) => ({ value: name, note })) ?? []}
          onChange={(kernel) => set({ kernel })}
        />
        <label>
          way to boot
          <select
            value={String(boot)}
            onChange={({ currentTarget }) => {
              const chosen = boots[Number(currentTarget.value)];
              if (chosen !== undefined)
                set({ boot: chosen.boot, config: chosen.config, features: chosen.features });
            }}
          >
            {boot < 0 && <option value="-1">as below</option>}
            {boots.map(({ name }, number) => (
              <option value={String(number)} key={name}>
                {number === 0 ? 'as the script says' : name}
              </option>
            ))}
          </select>
        </label>
        <Text
          label="boot parameters"
          value={overrides.boot}
          placeholder={run?.outcome.boot ?? ''}
          onChange={(text) => set({ boot: text })}
        />
        <Text
          label="build options"
          value={overrides.config}
          placeholder="DEBUG_PAGEALLOC=y"
          onChange={(config) => set({ config })}
        />
        <Text
          label="features"
          value={overrides.features}
          placeholder={
            arch?.features
              .map(({ name }) => name)
              .slice(0, 4)
              .join(', ') ?? ''
          }
          onChange={(features) => set({ features })}
        />
        {dump === null && (
          <Text label="RAM" value={overrides.ram} placeholder="4G" onChange={(ram) => set({ ram })} />
        )}
        <Text label="CPUs" value={overrides.cpus} placeholder="1" onChange={(cpus) => set({ cpus })} />
      </fieldset>
    </details>
  );
}

function machineWords({
  arch,
  kernel,
  machine,
  boot,
  ignoredParameters,
}: {
  arch: string;
  kernel: string;
  machine: string;
  boot: string;
  ignoredParameters: readonly string[];
}): string {
  const ignored = ignoredParameters.length === 0 ? '' : `; without effect: ${ignoredParameters.join(' ')}`;
  return `${arch} ${kernel}, ${machine}, ${boot}${ignored}`;
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  readonly list?: readonly { readonly value: string; readonly note: string }[];
  readonly onChange: (value: string) => void;
}

function Text({ label, value, placeholder, list = [], onChange }: TextProps) {
  // What is being written is the reader's until it is done.
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const id = `known-${label.replaceAll(' ', '-')}`;
  return (
    <label>
      {label}
      <input
        type="text"
        value={draft}
        placeholder={placeholder}
        list={list.length > 0 ? id : undefined}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onChange={({ currentTarget }) => onChange(currentTarget.value.trim())}
      />
      {list.length > 0 && (
        <datalist id={id}>
          {list.map((each) => (
            <option value={each.value} key={each.value}>
              {each.note}
            </option>
          ))}
        </datalist>
      )}
    </label>
  );
}
