/** What was found in an address space, as the report of `directmap inspect --html` shows it. */

import { useMemo } from 'preact/hooks';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import {
  factsSection,
  findingsSection,
  fragmentationSection,
  regionsSection,
} from '../../src/report/html/sections.ts';
import { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { PageTables } from '../../src/report/html/viewer/page_tables.ts';
import { walkView } from '../../src/report/html/viewer/walk_view.ts';
import { Made } from '../ui/made.tsx';
import { Printed } from '../ui/printed.tsx';
import { AddressForm } from '../walk/address_form.tsx';
import type { Inspected } from '../workers/reader_api.ts';
import { InspectionMap } from './inspection_map.tsx';
import type { InspectSession } from './session.ts';

interface InspectionViewProps {
  readonly session: InspectSession;
  readonly inspected: Inspected;
  readonly address: string | null;
}

export function InspectionView({ session, inspected, address }: InspectionViewProps) {
  const { snapshot, text } = inspected;
  const map = useMemo(
    () => (snapshot.map === null ? null : new DirectMap(snapshot, snapshot.map)),
    [snapshot],
  );
  /** Addresses in the text are links of the report; here they say where to look. */
  const follow = (event: MouseEvent) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#0x"]') : null;
    if (link === null) return;
    event.preventDefault();
    session.lookAt(link.getAttribute('href')!.slice(1));
    document.getElementById('inspected-walk')?.scrollIntoView({ block: 'nearest' });
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the links in it are pressed by keys, too
    // biome-ignore lint/a11y/noStaticElementInteractions: the same
    <div class="inspection" onClick={follow}>
      <section aria-labelledby="facts-title" class="facts-part">
        <h2 id="facts-title">{snapshot.name}</h2>
        <Html html={factsSection(snapshot)} />
      </section>
      <div class="map-and-walk">
        <InspectionMap
          map={map}
          findings={snapshot.findings}
          address={address}
          onSelect={(selected) => session.lookAt(selected)}
        />
        <section id="inspected-walk" class="walk-part" aria-labelledby="inspected-walk-title">
          <h2 id="inspected-walk-title">Walk</h2>
          <AddressForm
            address={address ?? ''}
            pageBytes={snapshot.pageBytes}
            map={snapshot.map}
            onAsk={(asked) => session.lookAt(asked)}
          />
          {address !== null && <InspectedWalk snapshot={snapshot} map={map} address={address} />}
        </section>
      </div>
      <section aria-labelledby="findings-title">
        <h2 id="findings-title">Findings</h2>
        <Html html={findingsSection(snapshot)} />
      </section>
      <section aria-labelledby="lost-title">
        <h2 id="lost-title">Large leaves lost</h2>
        <Html html={fragmentationSection(snapshot)} />
      </section>
      <div>
        <h2 id="regions-title">What is mapped</h2>
        <Html html={regionsSection(snapshot)} />
      </div>
      <details>
        <summary>The account, as directmap inspect prints it</summary>
        <Printed label="Account of the inspection" text={text} />
      </details>
    </div>
  );
}

/** Of the report's own making, with all text in it escaped. */
function Html({ html }: { html: string }) {
  return <div dangerouslySetInnerHTML={{ __html: html }} />;
}

interface InspectedWalkProps {
  readonly snapshot: ReportSnapshot;
  readonly map: DirectMap | null;
  readonly address: string;
}

function InspectedWalk({ snapshot, map, address: text }: InspectedWalkProps) {
  const { tables, pageBytes, usualMemoryType, regions } = snapshot;
  const read = useMemo(
    () => (tables === null ? undefined : new PageTables(tables, pageBytes, usualMemoryType)),
    [tables, pageBytes, usualMemoryType],
  );
  const view = useMemo(() => {
    const address = BigInt(text);
    const region = regions.find(
      ({ start, last }) => BigInt(start) <= address && address <= BigInt(last),
    )?.name;
    const place = map?.placeOf(address - (address % BigInt(pageBytes)));
    const found = place === undefined ? undefined : map?.at(place);
    return walkView({ address, region, pageBytes, walk: read?.walk(address), found });
  }, [text, read, map, regions, pageBytes]);
  return <Made element={view} />;
}
