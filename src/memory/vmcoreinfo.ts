/**
 * VMCOREINFO: what a kernel says about itself to those who read its dumps, as lines of text. The kernel writes it in
 * kernel/vmcore_info.c (kernel/crash_core.c before v6.9) and per architecture in arch_crash_save_vmcoreinfo().
 *
 *     OSRELEASE=6.1.0-55-amd64
 *     SYMBOL(swapper_pg_dir)=ffffffff82a10000
 *     NUMBER(VMALLOC_START)=0x37fe0000000
 *     OFFSET(page.flags)=0
 */

/** One kernel's VMCOREINFO. No method throws: a line that makes no sense is as good as absent. */
export class Vmcoreinfo {
  readonly text: string;
  /** Byte order of the kernel's data, if that is known from how the text was stored. */
  readonly littleEndian: boolean | undefined;
  readonly #fields = new Map<string, string>();

  constructor(text: string, littleEndian?: boolean) {
    this.text = text;
    this.littleEndian = littleEndian;
    for (const line of text.split('\n')) {
      const equals = line.indexOf('=');
      if (equals <= 0) continue;
      const key = line.slice(0, equals).trim();
      if (!this.#fields.has(key)) this.#fields.set(key, line.slice(equals + 1).trim());
    }
  }

  /** The text after `key=`, of the first such line: `field('PAGESIZE')`, `field('BUILD-ID')`. */
  field(key: string): string | undefined {
    return this.#fields.get(key);
  }

  /** The kernel release, as `uname -r` prints it. */
  get release(): string | undefined {
    return this.field('OSRELEASE');
  }

  /** How far KASLR moved the kernel image from where it was linked, in bytes. */
  get kerneloffset(): bigint | undefined {
    return parseHex(this.field('KERNELOFFSET'));
  }

  /** Virtual address of a kernel symbol, unsigned. */
  symbol(name: string): bigint | undefined {
    return parseHex(this.field(`SYMBOL(${name})`));
  }

  /** A kernel constant or variable. Decimal and possibly negative, or hexadecimal after 0x, as the kernel chose. */
  number(name: string): bigint | undefined {
    const text = this.field(`NUMBER(${name})`);
    if (text === undefined) return undefined;
    if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
    if (/^-\d{1,20}$/.test(text)) return -BigInt(text.slice(1));
    return /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  }

  /** Size of a structure, in bytes. */
  size(name: string): number | undefined {
    return parseCount(this.field(`SIZE(${name})`));
  }

  /** Elements of an array. */
  length(name: string): number | undefined {
    return parseCount(this.field(`LENGTH(${name})`));
  }

  /** Offset in bytes of `structure.member`. */
  offset(name: string): number | undefined {
    return parseCount(this.field(`OFFSET(${name})`));
  }
}

/** At most 64 bits, so that no line is slow to read however long it is. */
function parseHex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(text)
    ? BigInt(`0x${text.replace(/^0x/i, '')}`)
    : undefined;
}

function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
