/** Asks for the page to look at: an address, a frame, or a physical address. */

import { useEffect, useState } from 'preact/hooks';
import type { MapSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';

interface AddressFormProps {
  readonly address: string;
  readonly pageBytes: number;
  readonly map: MapSnapshot | null;
  readonly onAsk: (address: string) => void;
}

export function AddressForm({ address, pageBytes, map, onAsk }: AddressFormProps) {
  const [text, setText] = useState(address);
  const [problem, setProblem] = useState('');
  useEffect(() => {
    setText(address);
    setProblem('');
  }, [address]);
  const ask = (event: Event) => {
    event.preventDefault();
    const asked = addressIn(text, pageBytes, map);
    setProblem(asked.problem ?? '');
    if (asked.address !== undefined) onAsk(asked.address);
  };
  return (
    <form class="ask-address" onSubmit={ask}>
      <label>
        Address, pfn:0x… or phys:0x…
        <input
          type="text"
          value={text}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={problem !== ''}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button type="submit">Walk</button>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

/** All digits are hexadecimal, as kernels print addresses. */
function addressIn(
  text: string,
  pageBytes: number,
  map: MapSnapshot | null,
): { address: string; problem?: undefined } | { problem: string; address?: undefined } {
  const match = /^\s*(pfn:|phys:|)\s*(?:0x)?([0-9a-f]{1,16})\s*$/i.exec(text);
  if (match === null)
    return { problem: 'Write an address such as ffff888000103000, pfn:0x103 or phys:0x103000.' };
  const [, kind = '', digits = ''] = match;
  const value = BigInt(`0x${digits}`);
  if (kind === '') return { address: `0x${value.toString(16)}` };
  if (map?.firstFrame == null)
    return { problem: 'There is no direct map in which a frame could be looked up.' };
  const physical = kind.toLowerCase() === 'pfn:' ? value * BigInt(pageBytes) : value;
  const address = BigInt(map.start) + physical - BigInt(map.firstFrame) * BigInt(pageBytes);
  return { address: `0x${BigInt.asUintN(64, address).toString(16)}` };
}
