/** The scenarios of the library, to start from. */

import { useEffect, useState } from 'preact/hooks';
import { type LibraryScenario, libraryScenarios } from './library.ts';
import type { ScenarioSession } from './session.ts';

export function LibraryChoice({ session, chosen }: { session: ScenarioSession; chosen: string | null }) {
  const [scenarios, setScenarios] = useState<readonly LibraryScenario[]>([]);
  const load = () => void libraryScenarios().then(setScenarios);
  // What the reader sees first needs none but the first.
  useEffect(() => {
    const timer = setTimeout(load, 1500);
    return () => clearTimeout(timer);
  }, []);
  const folders = [...new Set(scenarios.map(({ name }) => folderOf(name)))];
  const isKnown = scenarios.some(({ name }) => name === chosen);
  return (
    <select
      aria-label="Scenario of the library"
      value={chosen ?? ''}
      onFocus={scenarios.length === 0 ? load : undefined}
      onChange={({ currentTarget }) => {
        if (currentTarget.value !== '') void session.open(currentTarget.value);
      }}
    >
      {chosen === null && <option value="">your own</option>}
      {chosen !== null && !isKnown && <option value={chosen}>{chosen}</option>}
      {folders.map((folder) => (
        <optgroup label={folder === 'thread' ? 'the thread of 2020' : 'before and since'} key={folder}>
          {scenarios
            .filter(({ name }) => folderOf(name) === folder)
            .map(({ name, title }) => (
              <option value={name} key={name} title={title}>
                {name.replace(/^.*\//, '').replace(/\.js$/, '')}
              </option>
            ))}
        </optgroup>
      ))}
    </select>
  );
}

function folderOf(name: string): string {
  return name.replace(/\/.*$/, '');
}
