/** The direct map at the moment: the report's map, kept up to date. */

import { useEffect, useRef } from 'preact/hooks';
import { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { MapView } from '../../src/report/html/viewer/map_view.ts';
import type { Mark } from '../../src/report/html/viewer/painter.ts';
import { hexOf } from '../../src/report/html/viewer/words.ts';
import type { ScenarioSession } from '../scenario/session.ts';
import type { Look, Places } from '../workers/model_api.ts';

const HINT =
  'Point at the map, or move on it with the arrow keys; Enter or a click looks at a page. Once the map has the focus, the wheel zooms, as + and - do; 0 shows all that is mapped. Outlined is what this call has changed.';

export function MapPart({ session, look }: { session: ScenarioSession; look: Look | null }) {
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<ShownMap | null>(null);
  useEffect(() => {
    if (look === null || place.current === null) return;
    shown.current ??= new ShownMap(place.current, (address) => session.pin(address));
    shown.current.update(look);
  }, [session, look]);
  useEffect(() => () => shown.current?.end(), []);
  return (
    <section class="map-part" aria-labelledby="map-title">
      <h2 id="map-title">Direct map</h2>
      {look?.map.map === null && (
        <p class="note">
          No table maps it: the CPU does, by a window or a hash table, so there is nothing to draw.
        </p>
      )}
      <div ref={place} hidden={look?.map.map === null} />
    </section>
  );
}

/** The map in the page, for as long as the part is there. */
class ShownMap {
  readonly #place: HTMLElement;
  readonly #onSelect: (address: string) => void;
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');
  #map: DirectMap | undefined;
  #view: MapView | undefined;

  constructor(place: HTMLElement, onSelect: (address: string) => void) {
    this.#place = place;
    this.#onSelect = onSelect;
    this.#dark.addEventListener('change', this.#recolour);
  }

  update({ map: { map: snapshot, ...rest }, changed, stale, owners, page }: Look): void {
    if (snapshot === null) return;
    const map = new DirectMap(rest, snapshot);
    this.#map = map;
    if (this.#view === undefined) {
      this.#view = new MapView(map, (place) => this.#select(place), HINT);
      this.#place.replaceChildren(this.#view.element);
    } else this.#view.update(map);
    this.#view.overlay({
      changed: marksOf(map, changed),
      stale: marksOf(map, stale),
      owners: owners.flatMap((owner) => marksOf(map, [owner]).map((mark) => ({ ...mark, text: owner.text }))),
    });
    const selected = page === null ? undefined : map.placeOf(BigInt(page.address));
    if (selected !== undefined) this.#view.show(selected, false);
  }

  end(): void {
    this.#dark.removeEventListener('change', this.#recolour);
  }

  #recolour = (): void => this.#view?.repaint();

  #select(place: number): void {
    if (this.#map !== undefined) this.#onSelect(hexOf(this.#map.addressOf(place)));
  }
}

function marksOf(map: DirectMap, places: readonly Places[]): Mark[] {
  return places.flatMap(({ address, pages }) => {
    const start = map.placeOf(BigInt(address));
    return start === undefined ? [] : [{ start, end: start + pages }];
  });
}
