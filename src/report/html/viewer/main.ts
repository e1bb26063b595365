/** Brings the report to life: the map, the walk of any address, and what links lead to. */

import type { ReportSnapshot } from '../../../inspect/snapshot/report_snapshot.ts';
import { parseAsked } from './address_input.ts';
import { DirectMap } from './direct_map.ts';
import { byId, element } from './dom.ts';
import { MapView } from './map_view.ts';
import { PageTables } from './page_tables.ts';
import type { Mark } from './painter.ts';
import { walkView } from './walk_view.ts';
import { hexOf } from './words.ts';

class Report {
  readonly #data: ReportSnapshot;
  readonly #tables: PageTables | undefined;
  readonly #map: DirectMap | undefined;
  readonly #mapView: MapView | undefined;
  readonly #input = byId('asked') as HTMLInputElement;
  readonly #answer = byId('answer');

  constructor(data: ReportSnapshot) {
    this.#data = data;
    const { tables, map, pageBytes, usualMemoryType } = data;
    this.#tables = tables === null ? undefined : new PageTables(tables, pageBytes, usualMemoryType);
    this.#map = map === null ? undefined : new DirectMap(data, map);
    if (this.#map !== undefined) {
      const shown = this.#map;
      this.#mapView = new MapView(shown, (place) => this.#ask(hexOf(shown.addressOf(place)), 'map'));
      byId('map').replaceChildren(this.#mapView.element);
      this.#mapView.mark(this.#marks(data.findings.filter(({ severity }) => severity !== 'note')));
    }
    this.#input.placeholder = exampleOf(data);
    byId('ask').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#ask(this.#input.value, 'input');
    });
    document.addEventListener('click', (event) => this.#follow(event));
    window.addEventListener('hashchange', () => this.#ask(location.hash.slice(1), 'link'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#mapView?.repaint());
    if (location.hash.length > 1) this.#ask(location.hash.slice(1), 'link');
  }

  /** A link to an address: also a second time, when the page is there already, and with its finding's other places. */
  #follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a[href^="#0x"]') : null;
    if (link === null) return;
    event.preventDefault();
    const rule = link.closest('[data-rule]')?.getAttribute('data-rule');
    const finding = this.#data.findings.find((each) => each.rule === rule);
    if (finding !== undefined) this.#mapView?.mark(this.#marks([finding]));
    this.#ask(link.getAttribute('href')?.slice(1) ?? '', 'link');
    byId('map-and-walk').scrollIntoView({ block: 'start' });
  }

  /** Shows the walk of what was asked for, and the place in the map if it was not asked for there. */
  #ask(text: string, from: 'map' | 'input' | 'link'): void {
    const asked = parseAsked(text, (address) => this.#regionOf(address) !== undefined, this.#map);
    this.#input.setAttribute('aria-invalid', String(asked.problem !== undefined));
    if (asked.problem !== undefined) {
      this.#answer.replaceChildren(element('p', { class: 'note' }, asked.problem));
      return;
    }
    const { address } = asked;
    const page = address - (address % BigInt(this.#data.pageBytes));
    if (from !== 'input') this.#input.value = hexOf(address);
    history.replaceState(null, '', `#${hexOf(address)}`);
    const place = this.#map?.placeOf(page);
    const found = place === undefined ? undefined : this.#map?.at(place);
    if (from !== 'map' && place !== undefined) this.#mapView?.show(place, true);
    const { pageBytes } = this.#data;
    const walk = this.#tables?.walk(address);
    const region = this.#regionOf(address);
    this.#answer.replaceChildren(walkView({ address, region, pageBytes, walk, found }));
  }

  #regionOf(address: bigint): string | undefined {
    return this.#data.regions.find(({ start, last }) => BigInt(start) <= address && address <= BigInt(last))
      ?.name;
  }

  /** Where findings are in the map. */
  #marks(findings: ReportSnapshot['findings']): Mark[] {
    return findings.flatMap(({ places }) =>
      places.flatMap(({ address, pages }) => {
        const start = this.#map?.placeOf(BigInt(address));
        return start === undefined ? [] : [{ start, end: start + pages }];
      }),
    );
  }
}

/** What may be asked for here. */
function exampleOf({ map, regions }: ReportSnapshot): string {
  const address = (map?.start ?? regions[0]?.start ?? '0x0').slice(2);
  return map === null ? address : `${address} or pfn:0x103`;
}

new Report(JSON.parse(byId('data').textContent ?? '') as ReportSnapshot);
