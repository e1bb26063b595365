/**
 * The text that a kernel prints of its own page tables, read as an address space: kernel_page_tables in debugfs, on x86
 * page_tables/kernel and current_kernel; v5.10 to v7.2. The files in ptdump/ have a format each.
 */

import { InputError } from '../../errors.ts';
import { arm64Lines } from './arm64.ts';
import type { LineFormat } from './line_format.ts';
import { at, LineReader } from './lines.ts';
import { powerpcLines } from './powerpc.ts';
import { riscvLines } from './riscv.ts';
import { s390Lines } from './s390.ts';
import { PtdumpSpace } from './space.ts';
import { x86Lines } from './x86.ts';

export { PtdumpSpace } from './space.ts';

const FORMATS: readonly LineFormat[] = [x86Lines, arm64Lines, riscvLines, s390Lines, powerpcLines];

/**
 * Whether a text that begins so is meant as one: its first line that is not empty is a marker ("---[ NAME ]---") or
 * begins with a range of 64-bit addresses ("0x" and 16 digits, "-", and the same again).
 */
export function looksLikePtdump(beginning: string): boolean {
  return /^\s*(?:---\[ .{1,80} \]---|0x[0-9a-f]{16}-0x[0-9a-f]{16} )/.test(beginning);
}

/**
 * Reads all of a text. `where` names it in errors.
 * @throws InputError that names the line, for a text of no known format or with a line that is none of its format.
 */
export function parsePtdump(text: string, where: string): PtdumpSpace {
  const format = formatOf(text, where);
  const reader = new LineReader(format, where);
  for (const { line, number } of linesOf(text)) reader.read(line, number);
  const machine = format.machine(reader.lines);
  if (machine === undefined) {
    const hint = "none of the ranges is in the kernel's part of the address space";
    throw new InputError({ code: 'missing', what: `an address of a ${format.arch} kernel`, where, hint });
  }
  return new PtdumpSpace(reader.lines, machine, format);
}

/** The format of the first line about a range. */
function formatOf(text: string, where: string): LineFormat {
  const what = 'page tables as text';
  for (const { line, number } of linesOf(text)) {
    if (line.startsWith('---[') || line.trim() === '') continue;
    for (const format of FORMATS) {
      const columns = line.length < 1000 ? format.line.exec(line)?.[3] : undefined;
      if (columns !== undefined && format.readColumns(columns) !== undefined) return format;
    }
    const expected = `a line as x86_64, arm64, riscv64, s390x or ppc64 print it, such as "${x86Lines.example}"`;
    throw new InputError({ code: 'bad-format', what, where: at(where, number), found: line, expected });
  }
  throw new InputError({ code: 'missing', what, where, hint: 'there is no line about a range of addresses' });
}

/** The lines of a text, from 1. */
function* linesOf(text: string): Generator<{ line: string; number: number }> {
  let from = 0;
  for (let number = 1; from < text.length; number++) {
    const newline = text.indexOf('\n', from);
    const next = newline < 0 ? text.length : newline;
    const end = text[next - 1] === '\r' ? next - 1 : next;
    yield { line: text.slice(from, Math.max(from, end)), number };
    from = next + 1;
  }
}
