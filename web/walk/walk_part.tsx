/** The walk of the address that is looked at, before and after, and what each observer says of its page. */

import { useMemo } from 'preact/hooks';
import { walkView } from '../../src/report/html/viewer/walk_view.ts';
import type { ScenarioSession, ScenarioState } from '../scenario/session.ts';
import { Made } from '../ui/made.tsx';
import type { PageLook } from '../workers/model_api.ts';
import { AddressForm } from './address_form.tsx';

export function WalkPart({ session, state }: { session: ScenarioSession; state: ScenarioState }) {
  const { look, pinned } = state;
  const page = look?.page ?? null;
  return (
    <section class="walk-part" aria-labelledby="walk-title">
      <div class="title">
        <h2 id="walk-title">Walk</h2>
        <label class="follow">
          <input
            type="checkbox"
            checked={pinned === null}
            onChange={({ currentTarget }) =>
              session.pin(currentTarget.checked ? null : (page?.address ?? null))
            }
          />
          follow the run
        </label>
      </div>
      <AddressForm
        address={page?.address ?? ''}
        pageBytes={look?.map.pageBytes ?? 4096}
        map={look?.map.map ?? null}
        onAsk={(address) => session.pin(address)}
      />
      {page !== null && look !== null && <PageView page={page} pageBytes={look.map.pageBytes} />}
    </section>
  );
}

function PageView({ page, pageBytes }: { page: PageLook; pageBytes: number }) {
  const { address, region, walk, before, observations } = page;
  const view = useMemo(
    () => walkView({ address: BigInt(address), region, pageBytes, walk, before, found: undefined }),
    [page],
  );
  return (
    <>
      <Made element={view} />
      <h3>What observers are told of the page</h3>
      <table class="observers">
        <tbody>
          {observations.map(({ observer, says }) => (
            <tr key={observer}>
              <th scope="row">{observer}</th>
              <td>{says}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
