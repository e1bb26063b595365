/** A kernel's virtual memory as bytes, through its page tables. */

import { PAGE_SIZE } from '../../memory/physical_memory.ts';
import { physicalOf } from '../arch/self_mapped.ts';
import { signed } from '../arch/signed.ts';
import type { Machine } from '../machine.ts';

/**
 * `length` bytes from any `address`, unsigned; undefined where not all of them are mapped, or the source has not all.
 * An address is a bigint here as a `VirtualAddress` is exact of pages only.
 * @throws InputError where the source breaks off.
 */
export function readVirtual(machine: Machine, address: bigint, length: number): Uint8Array | undefined {
  const { tables, format, located, memory } = machine;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const at = address + BigInt(done);
    const inFrame = Number(BigInt.asUintN(12, at));
    const physical = physicalOf(tables, format, located.root, signed(at - BigInt(inFrame)));
    const frame = physical === undefined ? undefined : memory.readFrame(physical / PAGE_SIZE);
    if (frame === undefined) return undefined;
    const piece = frame.subarray(inFrame, inFrame + length - done);
    bytes.set(piece, done);
    done += piece.length;
  }
  return bytes;
}
