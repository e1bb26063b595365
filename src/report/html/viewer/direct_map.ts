/** The stretches of the direct map, by place. Places are base pages from the map's origin, which is aligned. */

import type {
  AttributesSnapshot,
  MapSnapshot,
  ReportSnapshot,
} from '../../../inspect/snapshot/report_snapshot.ts';
import { STATES, type State, stateOf } from './states.ts';

/** A stretch, or nothing beyond the ends of the map. */
export interface Found {
  readonly start: number;
  readonly end: number;
  readonly state: State;
  readonly leaf: AttributesSnapshot | undefined;
  /** Of the place that was asked for. */
  readonly frame: number | undefined;
}

export class DirectMap {
  readonly pageBytes: number;
  /** Where the direct map begins and ends. */
  readonly start: number;
  readonly end: number;
  /** All that is the direct map's by right, mapped or not. */
  readonly window: { readonly start: number; readonly end: number };
  readonly blockBytes: readonly number[];
  /** Of each stretch: where it begins, its state as a place in STATES, the pages of one of its leaves (0 of none). */
  readonly starts: Float64Array;
  readonly states: Uint8Array;
  readonly leafPages: Float64Array;
  /** Pages of the largest leaf that there is. */
  readonly largestLeaf: number;
  readonly omittedPages: number;
  readonly #map: MapSnapshot;
  readonly #attributes: readonly AttributesSnapshot[];
  readonly #oddFrames: ReadonlyMap<number, number>;
  readonly #origin: bigint;

  constructor(
    {
      attributes,
      pageBytes,
      usualMemoryType,
    }: Pick<ReportSnapshot, 'attributes' | 'pageBytes' | 'usualMemoryType'>,
    map: MapSnapshot,
  ) {
    this.pageBytes = pageBytes;
    this.blockBytes = map.blockBytes;
    this.omittedPages = map.omittedPages;
    this.#map = map;
    this.#attributes = attributes;
    this.#oddFrames = new Map(map.oddFrames);
    const { windowStart = map.start, windowPages = map.pages } = map;
    const largest = Math.max(1, map.pages, windowPages);
    const alignment = BigInt(2 ** Math.ceil(Math.log2(largest))) * BigInt(pageBytes);
    this.#origin = (BigInt(windowStart) / alignment) * alignment;
    const placeOf = (address: string) => Number((BigInt(address) - this.#origin) / BigInt(pageBytes));
    this.start = placeOf(map.start);
    this.end = this.start + map.pages;
    const first = placeOf(windowStart);
    // Of what was omitted nobody knows here whether it is mapped.
    const last = map.omittedPages > 0 ? this.end : Math.max(first + windowPages, this.end);
    this.window = { start: Math.min(first, this.start), end: last };

    const stateOfKind = (kind: number) => STATES.indexOf(stateOf(kind, attributes, usualMemoryType));
    const ofAttributes = attributes.map((_, kind) => stateOfKind(kind));
    this.starts = new Float64Array(map.kinds.length);
    this.states = new Uint8Array(map.kinds.length);
    this.leafPages = new Float64Array(map.kinds.length);
    let at = this.start;
    for (let number = 0; number < map.kinds.length; number++) {
      const kind = map.kinds[number]!;
      this.starts[number] = at;
      this.states[number] = ofAttributes[kind] ?? stateOfKind(kind);
      this.leafPages[number] = (attributes[kind]?.bytes ?? 0) / pageBytes;
      at += map.lengths[number]!;
    }
    this.largestLeaf = attributes.reduce((most, { bytes }) => Math.max(most, bytes / pageBytes), 0);
  }

  addressOf(place: number): bigint {
    return BigInt.asUintN(64, this.#origin + BigInt(place) * BigInt(this.pageBytes));
  }

  /** How much larger the place of an address is here than in another map; undefined if they have no places in common. */
  shiftFrom(other: DirectMap): number | undefined {
    if (other.pageBytes !== this.pageBytes) return undefined;
    const shift = Number((other.#origin - this.#origin) / BigInt(this.pageBytes));
    const { start, end } = other.window;
    return start + shift < this.window.end && end + shift > this.window.start ? shift : undefined;
  }

  /** undefined for an address outside the window. */
  placeOf(address: bigint): number | undefined {
    const place = Number((address - this.#origin) / BigInt(this.pageBytes));
    return address >= this.#origin && this.#isInWindow(place) ? place : undefined;
  }

  #isInWindow(place: number): boolean {
    return place >= this.window.start && place < this.window.end;
  }

  placeOfFrame(frame: number): number | undefined {
    if (this.#map.firstFrame === null) return undefined;
    const place = this.start + frame - this.#map.firstFrame;
    return place >= this.start && place < this.end ? place : undefined;
  }

  /** The number of the stretch with a place in it; the last one for a place behind the map. */
  numberAt(place: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= place) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  endOf(number: number): number {
    return this.starts[number + 1] ?? this.end;
  }

  at(place: number): Found | undefined {
    if (!this.#isInWindow(place)) return undefined;
    if (place < this.start) return this.#nothing(this.window.start, this.start);
    if (place >= this.end) return this.#nothing(this.end, this.window.end);
    const number = this.numberAt(place);
    const start = this.starts[number]!;
    const leaf = this.#attributes[this.#map.kinds[number]!];
    const { firstFrame } = this.#map;
    const odd = this.#oddFrames.get(number);
    const first = odd ?? (firstFrame === null ? undefined : firstFrame + start - this.start);
    return {
      start,
      end: this.endOf(number),
      state: STATES[this.states[number]!]!,
      leaf,
      frame: leaf === undefined || first === undefined ? undefined : first + place - start,
    };
  }

  #nothing(start: number, end: number): Found {
    return { start, end, state: 'hole', leaf: undefined, frame: undefined };
  }

  /** Of each state that is there, in all of the window: its base pages and the attributes that have it. */
  totals(): Map<State, { pages: number; leaves: AttributesSnapshot[] }> {
    const ofKinds = new Map<number, { pages: number; state: State }>();
    const { kinds, lengths } = this.#map;
    for (let number = 0; number < kinds.length; number++) {
      const kind = kinds[number]!;
      const ofKind = ofKinds.get(kind);
      if (ofKind === undefined) {
        ofKinds.set(kind, { pages: lengths[number]!, state: STATES[this.states[number]!]! });
      } else ofKind.pages += lengths[number]!;
    }
    const totals = new Map<State, { pages: number; leaves: AttributesSnapshot[] }>();
    const around = this.window.end - this.window.start - (this.end - this.start);
    if (around > 0) totals.set('hole', { pages: around, leaves: [] });
    for (const [kind, { pages, state }] of ofKinds) {
      const total = totals.get(state) ?? { pages: 0, leaves: [] };
      total.pages += pages;
      const leaf = this.#attributes[kind];
      if (leaf !== undefined) total.leaves.push(leaf);
      totals.set(state, total);
    }
    return totals;
  }
}
