/** The architecture whose kernels are meant. */

import type { About } from '../workers/model_api.ts';

interface ArchChoiceProps {
  readonly about: About;
  readonly chosen: string;
  readonly onChange: (name: string) => void;
}

export function ArchChoice({ about, chosen, onChange }: ArchChoiceProps) {
  return (
    <label>
      architecture
      <select value={chosen} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
        {about.arches.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
