/** The map of a machine that was read, which does not change. */

import { useEffect, useMemo } from 'preact/hooks';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import type { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { MapView } from '../../src/report/html/viewer/map_view.ts';
import type { Mark } from '../../src/report/html/viewer/painter.ts';
import { hexOf } from '../../src/report/html/viewer/words.ts';
import { Made } from '../ui/made.tsx';

interface InspectionMapProps {
  readonly map: DirectMap | null;
  readonly findings: ReportSnapshot['findings'];
  readonly address: string | null;
  readonly onSelect: (address: string) => void;
}

export function InspectionMap({ map, findings, address, onSelect }: InspectionMapProps) {
  const view = useMemo(
    () => (map === null ? null : new MapView(map, (place) => onSelect(hexOf(map.addressOf(place))))),
    [map],
  );
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => view?.repaint();
    dark.addEventListener('change', recolour);
    return () => dark.removeEventListener('change', recolour);
  }, [view]);
  useEffect(() => {
    if (map !== null) view?.mark(marksOf(map, findings));
  }, [view, map, findings]);
  useEffect(() => {
    const place = address === null ? undefined : map?.placeOf(BigInt(address));
    if (place !== undefined) view?.show(place, false);
  }, [view, map, address]);
  return (
    <section class="map-part" aria-labelledby="inspected-map-title">
      <h2 id="inspected-map-title">Direct map</h2>
      {view === null ? (
        <p class="note">There is no direct map in these page tables: there is nothing to draw.</p>
      ) : (
        <Made element={view.element} />
      )}
    </section>
  );
}

/** Where errors and warnings are. */
function marksOf(map: DirectMap, findings: ReportSnapshot['findings']): Mark[] {
  const serious = findings.filter(({ severity }) => severity !== 'note');
  return serious.flatMap(({ places }) =>
    places.flatMap(({ address, pages }) => {
      const start = map.placeOf(BigInt(address));
      return start === undefined ? [] : [{ start, end: start + pages }];
    }),
  );
}
